"""The sections of the report: each a function from a run to its data, or None when there is nothing."""

from vitrail.reporting.sections.classification import classification
from vitrail.reporting.sections.costs import costs
from vitrail.reporting.sections.examples import examples
from vitrail.reporting.sections.labels import labels
from vitrail.reporting.sections.outcome import outcome
from vitrail.reporting.sections.provenance import environment, lineage, timing
from vitrail.reporting.sections.retrieval import retrieval
from vitrail.reporting.sections.slices import slices
from vitrail.reporting.sections.study import study
from vitrail.reporting.sections.training import training
from vitrail.reporting.sections.validation import validation

__all__ = [
    "classification",
    "costs",
    "environment",
    "examples",
    "labels",
    "lineage",
    "outcome",
    "retrieval",
    "slices",
    "study",
    "timing",
    "training",
    "validation",
]
