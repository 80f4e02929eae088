"""Ordered classes: all that is measured of classes, and how far guesses are off.

Shapes: N labelled test images, K classes.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Baseline
from vitrail.errors import EvaluationError
from vitrail.evaluation.kinds.classification import judge_answers, judge_guesses
from vitrail.evaluation.measures import Aggregate, Measures
from vitrail.evaluation.metrics import TaskResult, build_outcomes
from vitrail.evaluation.units import Units

__all__ = ["MEASURES", "evaluate_ordinal", "middle_levels"]


def middle_levels(probabilities_nk: NDArray[np.floating]) -> NDArray[np.int64]:
    """The level [N] on either side of which lies at most half of the probability: nearest in levels on average."""
    behind_nk = 1 - np.cumsum(probabilities_nk.astype(np.float64), axis=1)
    levels: NDArray[np.int64] = (behind_nk[:, :-1] > 0.5).sum(axis=1)
    return levels


def evaluate_ordinal(
    *,
    task: str,
    classes: Sequence[str],
    head_classes: Sequence[str],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.str_],
    units: Units,
) -> TaskResult | None:
    """Measures one task; None when no test image has a label.

    Classes are matched by name: of a champion trained on other classes, what it gives to those that are no more is
    shared out among today's in proportion, and evenly where nothing is left.

    Args:
        task: Name of the task.
        classes: The corpus's classes, in order.
        head_classes: Names of the head's classes.
        probabilities: Of each unit [units, head classes].
        labels: Of each unit; empty where it has none.
        units: The test split.
    """
    rows = np.flatnonzero(labels != "")
    if not len(rows):
        return None
    level_of = {name: level for level, name in enumerate(classes)}
    if unknown := set(labels[rows].tolist()) - set(classes):
        raise EvaluationError(f"task {task!r}: label {min(unknown)!r} is not one of its classes; rebuild the corpus")
    truth = np.array([level_of[label] for label in labels[rows].tolist()])
    over_classes = _over_classes(probabilities[rows], head_classes, classes)
    guess = middle_levels(over_classes)
    found = judge_guesses(
        task=task,
        names=classes,
        truth=truth,
        guess=guess,
        probabilities=over_classes[np.arange(len(rows)), guess],
        units=units,
        rows=rows,
        num_outputs=len(classes),
    )
    distances = [
        build_outcomes(f"{task}/mean_absolute_error", units, rows, np.abs(truth - guess)),
        build_outcomes(f"{task}/quadratic_kappa", units, rows, guess, references=truth, statistic="kappa"),
    ]
    return replace(
        found,
        outcomes=[*found.outcomes, *distances],
        baselines=[*found.baselines, *_baselines(task, truth, len(classes))],
    )


def _over_classes(
    probabilities: NDArray[np.float32], head_classes: Sequence[str], classes: Sequence[str]
) -> NDArray[np.float64]:
    over = np.zeros((len(probabilities), len(classes)))
    for output, name in enumerate(head_classes):
        if name in classes:
            over[:, classes.index(name)] = probabilities[:, output]
    totals = over.sum(axis=1, keepdims=True)
    return np.divide(over, totals, out=np.full_like(over, 1 / len(classes)), where=totals > 0)


def _baselines(task: str, truth: NDArray[np.int64], num_classes: int) -> list[Baseline]:
    majority = np.bincount(truth).argmax()
    chance = np.abs(truth[:, None] - np.arange(num_classes)).mean()
    return [
        Baseline(metric=f"{task}/mean_absolute_error", kind="chance", value=float(chance)),
        Baseline(metric=f"{task}/mean_absolute_error", kind="majority", value=float(np.abs(truth - majority).mean())),
        Baseline(metric=f"{task}/quadratic_kappa", kind="chance", value=0.0),
        Baseline(metric=f"{task}/quadratic_kappa", kind="majority", value=0.0),
    ]


MEASURES = Measures(
    evaluate=functools.partial(judge_answers, evaluate_ordinal),
    aggregates=(
        Aggregate(name="mean_absolute_error", title="Mean absolute error, in levels", is_share=False),
        Aggregate(name="quadratic_kappa", title="Agreement beyond chance (quadratic weighted kappa)", is_share=False),
        Aggregate(name="accuracy", title="Accuracy"),
        Aggregate(name="macro_recall", title="Mean recall of classes"),
        Aggregate(name="calibration_error", title="Expected calibration error of the guesses' probabilities"),
    ),
    per_class=("recall", "precision", "f1"),
    drawn_means="Share of the test images of each class that were given that class",
    class_mean="macro_recall",
)
