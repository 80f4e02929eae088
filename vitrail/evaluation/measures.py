"""What is measured of a task: by its kind, one module of `vitrail.evaluation.kinds` each."""

import functools
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec
from vitrail.corpus import Corpus
from vitrail.errors import EvaluationError
from vitrail.evaluation import kinds
from vitrail.evaluation.config import EvaluationConfig
from vitrail.evaluation.metrics import TaskResult
from vitrail.evaluation.units import Units

if TYPE_CHECKING:  # torch is loaded by those who ask a model, not by those who show what was measured
    from vitrail.evaluation.inference import Answers

__all__ = ["Aggregate", "Measures", "TaskAnswers", "find_measures", "measured_kinds"]


@dataclass(frozen=True, kw_only=True)
class TaskAnswers:
    """One task of a corpus, and what a model answered for it.

    Attributes:
        head: The head that answers for the task.
        answers: Of all heads, for the test split.
        units: The test split.
        categories: Labels of each unit in the tasks where it has one class of those listed; empty where it has none.
    """

    task: TaskInfo
    head: HeadSpec
    corpus: Corpus
    answers: "Answers"
    units: Units
    categories: Mapping[str, NDArray[np.str_]]
    config: EvaluationConfig


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """A metric over a whole task for the report: its name behind the task's, and how it is printed."""

    name: str
    title: str
    is_share: bool = True


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is measured of the tasks of one kind, and how the report shows it.

    Attributes:
        evaluate: Measures one task; None when no test image has what it needs.
        aggregates: Metrics over a whole task, in the order of the report.
        per_class: Metrics of each class, `<task>/<name>/<class>`; `recall` is one of them, the first is drawn.
        drawn_means: What that one is, in words.
        class_mean: The aggregate that is its mean over classes.
    """

    evaluate: Callable[[TaskAnswers], TaskResult | None]
    aggregates: tuple[Aggregate, ...] = ()
    per_class: tuple[str, ...] = ()
    drawn_means: str = ""
    class_mean: str = ""


def measured_kinds() -> tuple[str, ...]:
    """Every task kind that is measured, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(kinds.__path__)))


@functools.cache
def find_measures(kind: str) -> Measures:
    """What is measured of tasks of a kind.

    Raises:
        EvaluationError: Nothing is known of the kind.
    """
    if kind not in measured_kinds():
        raise EvaluationError(f"tasks of kind {kind!r} cannot be measured; those of {', '.join(measured_kinds())} can")
    measures: Measures = import_module(f"{kinds.__name__}.{kind}").MEASURES
    return measures
