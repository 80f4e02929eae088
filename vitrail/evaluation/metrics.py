"""From outcomes to metrics with intervals, and what each task hands to the report."""

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Baseline, ConfusionMatrix, Metric, Reliability, Statistic
from vitrail.evaluation.units import Units
from vitrail.gates.bootstrap import estimate
from vitrail.gates.outcomes import Outcomes

__all__ = ["TaskResult", "build_outcomes", "measure"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What was measured for one task.

    Attributes:
        outcomes: Of metrics that two models can be compared on: their units depend on the data alone.
        extra_outcomes: Of metrics that are only reported (precision and F1: one row per image and class; calibration).
        headline: Name of the metric that is sliced.
        baselines: What needs no picture.
        confusion: Of a classification task.
        reliability: Of a task whose guesses have probabilities.
        neighbours: Rows of NEIGHBOURS_SCHEMA of a retrieval task.
    """

    outcomes: list[Outcomes]
    headline: str
    baselines: list[Baseline]
    extra_outcomes: list[Outcomes] = field(default_factory=list)
    confusion: ConfusionMatrix | None = None
    reliability: Reliability | None = None
    neighbours: pa.Table | None = None


def build_outcomes(
    metric: str,
    units: Units,
    rows: NDArray[np.int64],
    values: NDArray[np.generic],
    *,
    strata: NDArray[np.str_] | None = None,
    references: NDArray[np.generic] | None = None,
    statistic: Statistic = "mean",
) -> Outcomes:
    """Outcomes of the units at `rows`."""
    return Outcomes(
        metric=metric,
        statistic=statistic,
        units=units.image_ids[rows],
        groups=units.groups[rows],
        strata=np.full(len(rows), "") if strata is None else strata,
        values=np.asarray(values, np.float64),
        references=np.ones(len(rows)) if references is None else np.asarray(references, np.float64),
    )


def measure(outcomes: Iterable[Outcomes], *, num_resamples: int, seed: int) -> list[Metric]:
    """Every metric that is defined, with its interval."""
    metrics = []
    for item in outcomes:
        found = estimate(item, num_resamples=num_resamples, seed=seed) if len(item.units) else None
        if found is None or not math.isfinite(found.value) or not math.isfinite(found.low):
            _log.warning("%s is not defined on this split and is left out", item.metric)
            continue
        metrics.append(
            Metric(
                name=item.metric,
                value=found.value,
                low=found.low,
                high=found.high,
                num_units=item.num_units,
            )
        )
    return metrics
