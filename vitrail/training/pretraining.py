"""Pretraining: every image towards its weak labels."""

from pathlib import Path

from vitrail.contracts.labels import VOCABULARY_SCHEMA
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.balance import balance_weights
from vitrail.corpus.corpus import open_corpus
from vitrail.corpus.reader import Source
from vitrail.corpus.tables import read_table
from vitrail.corpus.targets import SidecarTargets
from vitrail.models import VitrailModel
from vitrail.tasks import Objective, TaskSpec
from vitrail.training.assignment import Assignment
from vitrail.training.data import train_rows
from vitrail.training.job import PretrainJob
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


def assign_pretraining(job: PretrainJob) -> Assignment:
    """Model, loss and images of a pretraining job."""
    config, labels = job.config, Path(job.labels)
    corpus = open_corpus(Path(job.corpus))
    targets = SidecarTargets(labels, task=ANNOTATIONS)
    rows = train_rows(corpus, drop_evaluation_copies=True)
    weights = None
    if config.balance != "natural":
        weights = balance_weights(corpus, targets, config.balance, threshold=config.balance_threshold, rows=rows)
    source = Source(corpus=corpus, rows=rows, targets=(targets,), sample_weights=weights, missing=config.missing_labels)
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
