"""Classification, never the aggregate alone: recall, precision and F1 of each class, and the recall gap.

Shapes: N labelled test images, C classes.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Baseline, ConfusionMatrix
from vitrail.errors import EvaluationError
from vitrail.evaluation.calibration import calibration_outcomes, describe_reliability
from vitrail.evaluation.measures import Aggregate, Measures, TaskAnswers
from vitrail.evaluation.metrics import TaskResult, build_outcomes
from vitrail.evaluation.units import Units, label_units
from vitrail.gates.outcomes import Outcomes

__all__ = ["MEASURES", "evaluate_classification", "judge_answers", "judge_guesses"]


def evaluate_classification(
    *,
    task: str,
    classes: Sequence[str],
    head_classes: Sequence[str],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.str_],
    units: Units,
) -> TaskResult | None:
    """Measures one task; None when no test image has a label.

    Classes are matched by name, so that a champion trained on other classes is measured on today's labels:
    a label its head does not know is a miss.

    Args:
        task: Name of the task.
        classes: The corpus's classes.
        head_classes: Names of the head's outputs.
        probabilities: Of each unit [units, outputs].
        labels: Of each unit; empty where it has none.
        units: The test split.
    """
    rows = np.flatnonzero(labels != "")
    if not len(rows):
        return None
    names = [*classes, *(name for name in head_classes if name not in set(classes))]
    position = {name: index for index, name in enumerate(names)}
    if unknown := set(labels[rows].tolist()) - set(classes):
        raise EvaluationError(f"task {task!r}: label {min(unknown)!r} is not one of its classes; rebuild the corpus")
    truth = np.array([position[label] for label in labels[rows].tolist()])
    guess = np.array([position[name] for name in head_classes])[probabilities[rows].argmax(axis=1)]
    return judge_guesses(
        task=task,
        names=names,
        truth=truth,
        guess=guess,
        probabilities=probabilities[rows].max(axis=1),
        units=units,
        rows=rows,
        num_outputs=len(head_classes),
    )


def judge_guesses(
    *,
    task: str,
    names: Sequence[str],
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    units: Units,
    rows: NDArray[np.int64],
    num_outputs: int,
) -> TaskResult:
    """Measures one guess an image.

    Args:
        task: Name of the task.
        names: Of all classes, C.
        truth: The class of each labelled image [N].
        guess: The class it was given [N].
        probabilities: Of that class [N].
        units: The test split.
        rows: The labelled images, as positions in it [N].
        num_outputs: Classes that can be given.
    """
    present = np.unique(truth)
    return TaskResult(
        outcomes=_recall_outcomes(task, names, truth, guess, units, rows),
        extra_outcomes=[
            calibration_outcomes(task, units, rows, probabilities, truth == guess),
            *(
                item
                for index in present
                for item in _class_outcomes(task, names[index], index, truth, guess, units, rows)
            ),
        ],
        headline=f"{task}/accuracy",
        baselines=_baselines(task, truth, num_outputs),
        confusion=_confusion(task, names, truth, guess),
        reliability=describe_reliability(task, probabilities, truth == guess),
    )


def _recall_outcomes(
    task: str,
    names: Sequence[str],
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    units: Units,
    rows: NDArray[np.int64],
) -> list[Outcomes]:
    hits = truth == guess
    strata = np.array(names)[truth]
    outcomes = [
        build_outcomes(f"{task}/accuracy", units, rows, hits),
        build_outcomes(f"{task}/macro_recall", units, rows, hits, strata=strata),
    ]
    present = np.unique(truth)
    if len(present) > 1:
        is_majority = truth == np.bincount(truth).argmax()
        outcomes += [
            build_outcomes(f"{task}/recall_gap", units, rows, hits, strata=strata, statistic="gap"),
            build_outcomes(f"{task}/lift", units, rows, hits, references=is_majority, statistic="ratio"),
        ]
    for index in present:
        of_class = truth == index
        outcomes.append(build_outcomes(f"{task}/recall/{names[index]}", units, rows[of_class], hits[of_class]))
    return outcomes


def _class_outcomes(
    task: str,
    name: str,
    index: int,
    truth: NDArray[np.int64],
    guess: NDArray[np.int64],
    units: Units,
    rows: NDArray[np.int64],
) -> list[Outcomes]:
    is_true, is_guessed = truth == index, guess == index
    hits = is_true & is_guessed
    references = {"precision": is_guessed.astype(int), "f1": is_true.astype(int) + is_guessed}
    numerators = {"precision": hits.astype(int), "f1": 2 * hits}
    return [
        build_outcomes(
            f"{task}/{kind}/{name}",
            units,
            rows,
            numerators[kind],
            references=references[kind],
            statistic="ratio",
        )
        for kind in references
    ]


def _baselines(task: str, truth: NDArray[np.int64], num_outputs: int) -> list[Baseline]:
    majority = float(np.bincount(truth).max() / len(truth))
    chance = 1 / num_outputs
    return [
        Baseline(metric=f"{task}/accuracy", kind="chance", value=chance),
        Baseline(metric=f"{task}/accuracy", kind="majority", value=majority),
        Baseline(metric=f"{task}/macro_recall", kind="chance", value=chance),
        Baseline(metric=f"{task}/macro_recall", kind="majority", value=1 / len(np.unique(truth))),
    ]


def _confusion(task: str, names: Sequence[str], truth: NDArray[np.int64], guess: NDArray[np.int64]) -> ConfusionMatrix:
    size = len(names)
    counts = np.bincount(truth * size + guess, minlength=size * size).reshape(size, size)
    return ConfusionMatrix(task=task, classes=tuple(names), counts=tuple(tuple(row) for row in counts.tolist()))


def judge_answers(evaluate: Callable[..., TaskResult | None], found: TaskAnswers) -> TaskResult | None:
    """Hands what a head with one class an image answered, and what is true, to `evaluate`."""
    return evaluate(
        task=found.task.name,
        classes=found.task.classes,
        head_classes=found.head.classes,
        probabilities=found.answers.probabilities[found.head.name],
        labels=label_units(found.corpus, found.task.name, found.units),
        units=found.units,
    )


MEASURES = Measures(
    evaluate=functools.partial(judge_answers, evaluate_classification),
    aggregates=(
        Aggregate(name="accuracy", title="Accuracy"),
        Aggregate(name="macro_recall", title="Mean recall of classes"),
        Aggregate(name="recall_gap", title="Recall gap, best minus worst class"),
        Aggregate(name="lift", title="Accuracy over that of naming the majority class"),
        Aggregate(name="calibration_error", title="Expected calibration error of the guesses' probabilities"),
    ),
    per_class=("recall", "precision", "f1"),
    drawn_means="Share of the test images of each class that were given that class",
    class_mean="macro_recall",
)
