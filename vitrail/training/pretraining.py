"""Pretraining: every image towards its weak labels."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from vitrail.contracts.codec import read
from vitrail.contracts.labels import VOCABULARY_FILE, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.corpus import open_corpus
from vitrail.corpus.reader.image_reader import Source
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.corpus.store.tables import read_table
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_loss
from vitrail.tasks.heads import CosineHead
from vitrail.training.assignment import Assignment
from vitrail.training.config import PretrainConfig
from vitrail.training.job import ROWS_FOLDER, BlendedCorpus, PretrainJob
from vitrail.training.label_frequency import count_labels
from vitrail.training.objective import Objective
from vitrail.training.pretraining_rows import pretraining_rows, pretraining_weights
from vitrail.training.probe.feature_probe import num_probe_images
from vitrail.training.probe.sample import ProbeSample, choose_sample
from vitrail.training.warm_start import ANNOTATIONS, start_from

__all__ = ["WEAK_KIND", "WEAK_LOSS", "annotation_head", "assign_pretraining"]

logger = logging.getLogger(__name__)

WEAK_KIND = "multilabel"  # an image has any number of weak labels
WEAK_LOSS = "cosine"  # where they only keep a trunk from forgetting them


def annotation_head(*label_sets: Path, activation: str) -> HeadSpec:
    """The head for the vocabularies of label sets: the first's labels, then what each next one adds."""
    terms: dict[int, str] = {}
    for labels in label_sets:
        vocabulary = read_table(labels / VOCABULARY_FILE, VOCABULARY_SCHEMA, "derive the labels again")
        ids, names = vocabulary["label_id"].to_pylist(), vocabulary["term"].to_pylist()
        for label_id, name in zip(ids, names, strict=True):
            terms.setdefault(label_id, name)
    return HeadSpec(
        name=ANNOTATIONS,
        kind=WEAK_KIND,
        dim=len(terms),
        classes=tuple(terms.values()),
        label_ids=tuple(terms),
        activation=activation,
    )


def assign_pretraining(job: PretrainJob, work: Path) -> Assignment:
    """Model, loss and images of a pretraining job; rows are kept in the work folder."""
    config, labels = job.config, Path(job.labels)
    corpora = [BlendedCorpus(corpus=job.corpus, labels=job.labels, weight=1.0), *job.blend]
    loss = find_loss(config.loss, WEAK_KIND)
    label_sets = [Path(one.labels) for one in corpora]
    head = annotation_head(*label_sets, activation=loss.activation)
    model = VitrailModel(config.architecture, config.transforms, (head,))
    if config.initial_weights:
        start_from(model, Path(config.initial_weights), labels)
    task = TaskSpec(
        name=ANNOTATIONS,
        head=ANNOTATIONS,
        loss=loss,
        num_classes=head.dim,
        weighting=config.target_weighting,
        num_sampled=config.num_sampled_labels,
    )
    max_labels = max(read(LabelSetManifest, labels).max_labels for labels in label_sets)  # batches mix them
    sources = tuple(_open_source(one, head.label_ids, max_labels, config, work / ROWS_FOLDER) for one in corpora)
    counted = count_labels(label_sets, head.label_ids)
    idf_c = counted.idf() if task.weighting == "idf" else None
    weak_head = model.heads[ANNOTATIONS]
    if isinstance(weak_head, CosineHead):
        weak_head.tell_prior(counted.prior(idf_c))
    idf = {} if idf_c is None else {ANNOTATIONS: idf_c}
    sample = _choose_sample(sources[0], labels, config, work / ROWS_FOLDER)
    return Assignment(objective=Objective(model, (task,), idf), sources=sources, sample=sample)


def _open_source(
    one: BlendedCorpus, label_ids: Sequence[int], max_labels: int, config: PretrainConfig, folder: Path
) -> Source:
    corpus = open_corpus(Path(one.corpus))
    targets = SidecarTargets(Path(one.labels), task=ANNOTATIONS, max_labels=max_labels, label_ids=label_ids)
    rows = pretraining_rows(corpus, targets, config, folder)
    missing: Literal["error", "unlabelled"] = "error" if config.missing_labels == "error" else "unlabelled"
    return Source(
        corpus=corpus,
        rows=rows,
        targets=(targets,),
        weight=one.weight,
        sample_weights=pretraining_weights(corpus, targets, config, rows, folder),
        missing=missing,
    )


def _choose_sample(source: Source, labels: Path, config: PretrainConfig, folder: Path) -> ProbeSample | None:
    num_images = num_probe_images(config)
    if not num_images:
        return None
    sample = choose_sample(source.corpus, labels, num_images, folder)
    if not sample.rows:
        logger.warning("the features are not looked at: %s has no image in split 'val'", source.corpus.path)
        return None
    return sample
