"""The choice between the stages score and publish: which clusters have images and so are labels, and their ids."""

from dataclasses import dataclass

import numpy as np

from vitrail.contracts.corpus import CorpusManifest
from vitrail.errors import LabelError
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import Terms, load_terms
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.label_set.vocabulary_table import label_ids, level_of_each, member_terms
from vitrail.labels.shards.score_shards import count_labels
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["ChosenLabels", "choose_labels", "open_chosen"]


@dataclass(frozen=True, kw_only=True)
class ChosenLabels:
    """L labels in the order of the vocabulary."""

    terms: Terms
    groups: list[list[int]]  # numbers of the terms of each
    levels: np.ndarray  # int64 [L], 0 the finest
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
    least = config.min_images if config.clustering == "none" else 1  # rare terms have joined their like
    kept = np.flatnonzero(count_labels(work, len(manifest.shards), num_clusters) >= least)
    if not len(kept):
        raise LabelError(
            f"no label reaches {least} of {manifest.num_images:,} images with min_score={config.min_score}; "
            "lower min_score or min_images, or add text"
        )
    groups = member_terms(terms, kept, config)
    levels = level_of_each(terms, kept)
    ids = label_ids(terms, groups, levels, previous)
    number = np.full(num_clusters, -1, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    np.savez(work.chosen, number=number, label_id=ids)
    return ChosenLabels(terms=terms, groups=groups, levels=levels, ids=ids)


def open_chosen(work: WorkFolder) -> tuple[np.ndarray, np.ndarray]:
    """The label of each cluster (int64, -1 for none), and the ids of the labels (int64 [L])."""
    with np.load(work.chosen, allow_pickle=False) as arrays:
        return arrays["number"], arrays["label_id"]
