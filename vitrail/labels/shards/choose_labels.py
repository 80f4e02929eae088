"""The choice between the stages score and publish: which clusters have enough images to be labels, and their ids."""

from dataclasses import dataclass

import numpy as np

from vitrail.contracts.corpus import CorpusManifest
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import Terms, load_terms
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.label_set.vocabulary_table import label_ids, member_terms
from vitrail.labels.shards.score_shards import count_labels
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["ChosenLabels", "choose_labels", "open_chosen"]


@dataclass(frozen=True, kw_only=True)
class ChosenLabels:
    """L labels in the order of the vocabulary."""

    terms: Terms
    groups: list[list[int]]  # numbers of the terms of each
    ids: np.ndarray  # int64 [L]


def choose_labels(
    work: WorkFolder, manifest: CorpusManifest, config: LabelsConfig, previous: LabelSet | None
) -> ChosenLabels:
    """Chooses the labels of scored shards and writes the choice down.

    Args:
        work: Work folder in which all shards are scored.
        manifest: Of the corpus.
        config: Says how many images a label needs.
        previous: Label set whose ids go on.

    Raises:
        LabelError: No cluster has enough images.
    """
    terms = load_terms(work.terms, work.vectors)
    num_clusters = int(terms.label.max()) + 1
    kept = np.flatnonzero(count_labels(work, len(manifest.shards), num_clusters) >= config.min_images)
    if not len(kept):
        raise LabelError(
            f"no label reaches min_images={config.min_images} of {manifest.num_images:,} images with "
            f"min_score={config.min_score}; lower them or add text"
        )
    groups = member_terms(terms, kept, config)
    ids = label_ids(terms, groups, previous)
    number = np.full(num_clusters, -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    np.savez(work.chosen, number=number, label_id=ids)
    return ChosenLabels(terms=terms, groups=groups, ids=ids)


def open_chosen(work: WorkFolder) -> tuple[np.ndarray, np.ndarray]:
    """The label of each cluster (int64, -1 for none), and the ids of the labels (int64 [L])."""
    with np.load(work.chosen, allow_pickle=False) as arrays:
        return arrays["number"], arrays["label_id"]
