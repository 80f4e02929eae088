"""Several labels an image: how labels are ranked (average precision), and those above one half (F1).

Shapes: N labelled test images, K labels, of which some test image has M.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Baseline, Statistic
from vitrail.contracts.labels import BANDS
from vitrail.evaluation.calibration import calibration_outcomes, describe_reliability
from vitrail.evaluation.measures import Aggregate, Measures, TaskAnswers
from vitrail.evaluation.metrics import TaskResult, build_outcomes
from vitrail.evaluation.units import Units, count_labels, mark_labels
from vitrail.gates.outcomes import Outcomes
from vitrail.labels.label_set.tail import assign_bands

__all__ = ["MEASURES", "evaluate_multilabel"]

_THRESHOLD = 0.5  # of a label that is given


def evaluate_multilabel(
    *,
    task: str,
    classes: Sequence[str],
    head_classes: Sequence[str],
    probabilities: NDArray[np.float32],
    marks: NDArray[np.bool_],
    frequency: NDArray[np.int64],
    units: Units,
) -> TaskResult | None:
    """Measures one task; None when no test image has a label.

    Means over labels are over those that a test image has. Labels are matched by name: one that the head does not
    know has probability 0.

    Args:
        task: Name of the task.
        classes: The corpus's labels.
        head_classes: Names of the head's outputs.
        probabilities: Of each unit [units, outputs].
        marks: Which labels each unit has [units, K]; an image with none counts as not labelled.
        frequency: Training images of each label, which say whether it is of the head or the tail [K].
        units: The test split.
    """
    rows = np.flatnonzero(marks.any(axis=1))
    if not len(rows):
        return None
    present = np.flatnonzero(marks.any(axis=0))
    names = np.array(classes)[present]
    outputs = {name: output for output, name in enumerate(head_classes)}
    scores_nm = np.zeros((len(rows), len(present)), dtype=np.float32)
    for column, name in enumerate(names.tolist()):
        if name in outputs:
            scores_nm[:, column] = probabilities[rows, outputs[name]]
    true_nm = marks[np.ix_(rows, present)]
    table = _Table(task, units, rows, names)
    is_given_nm = scores_nm >= _THRESHOLD
    others = [
        outcomes for column in range(len(names)) for outcomes in table.of_label(column, scores_nm, is_given_nm, true_nm)
    ]
    return TaskResult(
        outcomes=[
            table.pairs("macro_average_precision", scores_nm, true_nm, "average_precision"),
            table.pairs("micro_average_precision", scores_nm, true_nm, "pooled_average_precision"),
            table.pairs("macro_f1", 2 * (is_given_nm & true_nm), is_given_nm.astype(int) + true_nm, "mean_ratio"),
            *table.bands(np.array(assign_bands(frequency))[present], scores_nm, true_nm),
            table.images("micro_f1", 2 * (is_given_nm & true_nm), is_given_nm.astype(int) + true_nm),
            *(table.recall(column, is_given_nm, true_nm) for column in range(len(names))),
        ],
        extra_outcomes=[table.calibration(scores_nm, true_nm), *others],
        headline=f"{task}/micro_f1",
        baselines=_baselines(task, true_nm),
        reliability=describe_reliability(task, scores_nm.ravel(), true_nm.ravel()),
    )


class _Table:
    """Builds the outcomes of one task from arrays [N, M]."""

    def __init__(self, task: str, units: Units, rows: NDArray[np.int64], names: NDArray[np.str_]) -> None:
        self._task, self._units, self._rows, self._names = task, units, rows, names

    def pairs(
        self, metric: str, values_nm: NDArray[np.generic], references_nm: NDArray[np.generic], statistic: Statistic
    ) -> Outcomes:
        """One row an image and label, the label being the stratum."""
        return build_outcomes(
            f"{self._task}/{metric}",
            self._units,
            np.repeat(self._rows, len(self._names)),
            values_nm.ravel(),
            strata=np.tile(self._names, len(self._rows)),
            references=references_nm.ravel(),
            statistic=statistic,
        )

    def bands(
        self, bands_m: NDArray[np.str_], scores_nm: NDArray[np.float32], true_nm: NDArray[np.bool_]
    ) -> list[Outcomes]:
        """Mean average precision of the labels of each band that has one."""
        parts = [(band, bands_m == band) for band in BANDS if (bands_m == band).any()]
        return [
            _Table(self._task, self._units, self._rows, self._names[own]).pairs(
                f"macro_average_precision/{band}", scores_nm[:, own], true_nm[:, own], "average_precision"
            )
            for band, own in parts
        ]

    def calibration(self, scores_nm: NDArray[np.float32], true_nm: NDArray[np.bool_]) -> Outcomes:
        """Of the probability of every label, given or not."""
        rows = np.repeat(self._rows, len(self._names))
        return calibration_outcomes(self._task, self._units, rows, scores_nm.ravel(), true_nm.ravel())

    def images(self, metric: str, values_nm: NDArray[np.int64], references_nm: NDArray[np.int64]) -> Outcomes:
        """The ratio of all values to all references, one row an image."""
        return build_outcomes(
            f"{self._task}/{metric}",
            self._units,
            self._rows,
            values_nm.sum(axis=1),
            references=references_nm.sum(axis=1),
            statistic="ratio",
        )

    def recall(self, column: int, is_given_nm: NDArray[np.bool_], true_nm: NDArray[np.bool_]) -> Outcomes:
        """Of one label, over the images that have it."""
        own = true_nm[:, column]
        name = f"{self._task}/recall/{self._names[column]}"
        return build_outcomes(name, self._units, self._rows[own], is_given_nm[own, column])

    def of_label(
        self,
        column: int,
        scores_nm: NDArray[np.float32],
        is_given_nm: NDArray[np.bool_],
        true_nm: NDArray[np.bool_],
    ) -> list[Outcomes]:
        """Average precision, precision and F1 of one label, over all images."""
        scores, is_given, true = (
            scores_nm[:, column],
            is_given_nm[:, column].astype(int),
            true_nm[:, column].astype(int),
        )
        parts: list[tuple[str, NDArray[np.generic], NDArray[np.int64], Statistic]] = [
            ("average_precision", scores, true, "average_precision"),
            ("precision", is_given * true, is_given, "ratio"),
            ("f1", 2 * is_given * true, is_given + true, "ratio"),
        ]
        return [
            build_outcomes(
                f"{self._task}/{metric}/{self._names[column]}",
                self._units,
                self._rows,
                values,
                references=references,
                statistic=statistic,
            )
            for metric, values, references, statistic in parts
        ]


def _baselines(task: str, true_nm: NDArray[np.bool_]) -> list[Baseline]:
    """Expected average precision of a random order."""
    share = float(true_nm.mean())
    return [
        Baseline(metric=f"{task}/macro_average_precision", kind="chance", value=share),
        Baseline(metric=f"{task}/micro_average_precision", kind="chance", value=share),
    ]


def _evaluate(found: TaskAnswers) -> TaskResult | None:
    return evaluate_multilabel(
        task=found.task.name,
        classes=found.task.classes,
        head_classes=found.head.classes,
        probabilities=found.answers.probabilities[found.head.name],
        marks=mark_labels(found.corpus, found.task.name, found.task.classes, found.units),
        frequency=count_labels(found.corpus, found.task.name, found.task.classes, "train"),
        units=found.units,
    )


MEASURES = Measures(
    evaluate=_evaluate,
    aggregates=(
        Aggregate(name="macro_average_precision", title="Mean average precision of labels"),
        *(
            Aggregate(name=f"macro_average_precision/{band}", title=f"Mean average precision of labels of the {band}")
            for band in BANDS
        ),
        Aggregate(name="micro_average_precision", title="Average precision of all labels together"),
        Aggregate(name="macro_f1", title="Mean F1 of labels"),
        Aggregate(name="micro_f1", title="F1 of all labels together"),
        Aggregate(name="calibration_error", title="Expected calibration error of the labels' probabilities"),
    ),
    per_class=("average_precision", "recall", "precision", "f1"),
    drawn_means="How well the test images with each label are ranked before those without it",
    class_mean="macro_average_precision",
)
