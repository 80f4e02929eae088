"""Pretraining: every image towards its weak labels."""

from pathlib import Path
from typing import Literal

from vitrail.contracts.labels import VOCABULARY_SCHEMA
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.corpus import open_corpus
from vitrail.corpus.reader import Source
from vitrail.corpus.tables import read_table
from vitrail.corpus.targets import SidecarTargets
from vitrail.models import VitrailModel
from vitrail.tasks import Objective, TaskSpec
from vitrail.training.assignment import Assignment
from vitrail.training.job import ROWS_FOLDER, PretrainJob
from vitrail.training.rows import pretraining_rows, pretraining_weights
from vitrail.training.warm_start import ANNOTATIONS, start_from

__all__ = ["annotation_head", "assign_pretraining"]


def annotation_head(labels: Path, *, is_sigmoid: bool) -> HeadSpec:
    """The multilabel head for the vocabulary of a label set."""
    path = labels / "vocabulary.parquet"
    vocabulary = read_table(path, VOCABULARY_SCHEMA, "derive the labels again")
    return HeadSpec(
        name=ANNOTATIONS,
        kind="multilabel",
        dim=len(vocabulary),
        classes=tuple(vocabulary["term"].to_pylist()),
        label_ids=tuple(vocabulary["label_id"].to_pylist()),
        activation="sigmoid" if is_sigmoid else "softmax",
    )


def assign_pretraining(job: PretrainJob, work: Path) -> Assignment:
    """Model, loss and images of a pretraining job; rows are kept in the work folder."""
    config, labels = job.config, Path(job.labels)
    corpus = open_corpus(Path(job.corpus))
    targets = SidecarTargets(labels, task=ANNOTATIONS)
    rows = pretraining_rows(corpus, targets, config, work / ROWS_FOLDER)
    weights = pretraining_weights(corpus, targets, config, rows, work / ROWS_FOLDER)
    missing: Literal["error", "unlabelled"] = "error" if config.missing_labels == "error" else "unlabelled"
    source = Source(corpus=corpus, rows=rows, targets=(targets,), sample_weights=weights, missing=missing)
    head = annotation_head(labels, is_sigmoid=config.loss == "sigmoid")
    model = VitrailModel(config.architecture, config.transforms, (head,))
    if config.initial_weights:
        start_from(model, Path(config.initial_weights), labels)
    task = TaskSpec(
        name=ANNOTATIONS,
        kind="multilabel",
        head=ANNOTATIONS,
        num_classes=head.dim,
        weighting=config.target_weighting,
        num_sampled=config.num_sampled_labels,
    )
    return Assignment(objective=Objective(model, (task,)), sources=(source,))
