"""Metrics by what text was known of an image when its label was given: how many signals, which language.

And the gap between the best and the worst of them.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.evaluation import SliceMetric
from vitrail.contracts.features import training_set_file
from vitrail.errors import EvaluationError
from vitrail.evaluation.metrics import measure
from vitrail.gates.outcomes import Outcomes

__all__ = ["Buckets", "read_buckets", "slice_gap", "slice_metric"]

Buckets = dict[str, str]  # the bucket of each image

_COLUMNS = ("image_id", "observed_at", "num_signals", "language")
_COVERAGE = ((1, "0"), (4, "1-3"), (10, "4-9"), (30, "10-29"))  # below the bound: the bucket
_MOST = "30+"
_NONE = "none"
_OTHER = "other"


def read_buckets(features: Path, task: str) -> dict[str, Buckets]:
    """By dimension (`signals`, `language`): the bucket of each image of a task's training set.

    Empty when the feature snapshot has no such set.

    Raises:
        EvaluationError: The file is unreadable or lacks a column.
    """
    path = features / training_set_file(task)
    if not path.exists():
        return {}
    try:
        table = pq.read_table(path, columns=list(_COLUMNS)).sort_by("observed_at")
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}; materialize the features again") from error
    if missing := set(_COLUMNS) - set(table.column_names):
        raise EvaluationError(f"{path} lacks the columns {sorted(missing)}; materialize the features again")
    image_ids = table["image_id"].to_pylist()
    return {
        "signals": dict(zip(image_ids, map(_coverage, table["num_signals"].to_pylist()), strict=True)),
        "language": {
            image_id: language or _NONE
            for image_id, language in zip(image_ids, table["language"].to_pylist(), strict=True)
        },
    }


def _coverage(num_signals: float | None) -> str:
    if num_signals is None or np.isnan(num_signals):
        return "0"
    return next((bucket for bound, bucket in _COVERAGE if num_signals < bound), _MOST)


def slice_metric(
    outcomes: Outcomes,
    dimension: str,
    buckets: Buckets,
    *,
    min_units: int,
    num_resamples: int,
    seed: int,
) -> list[SliceMetric]:
    """One metric on each bucket; buckets with fewer than `min_units` units are folded into `other`."""
    names = _fold([buckets.get(unit, _NONE) for unit in outcomes.units.tolist()], min_units)
    return [
        SliceMetric(
            metric=metric.name,
            dimension=dimension,
            bucket=bucket,
            value=metric.value,
            low=metric.low,
            high=metric.high,
            num_units=metric.num_units,
        )
        for bucket in sorted(set(names.tolist()))
        for metric in measure([outcomes.take(names == bucket)], num_resamples=num_resamples, seed=seed)
    ]


def slice_gap(outcomes: Outcomes, dimension: str, buckets: Buckets, *, min_units: int) -> Outcomes | None:
    """Outcomes of the best minus the worst bucket, folded as by `slice_metric`; None with less than two."""
    names = _fold([buckets.get(unit, _NONE) for unit in outcomes.units.tolist()], min_units)
    if len(set(names.tolist())) < 2:
        return None
    return replace(outcomes, metric=f"{outcomes.metric}/gap/{dimension}", strata=names, statistic="gap")


def _fold(names: list[str], min_units: int) -> NDArray[np.str_]:
    counts = Counter(names)
    return np.array([name if counts[name] >= min_units else _OTHER for name in names], dtype=np.str_)
