"""Outcomes per test unit: what metrics are computed from and what two models are compared on."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.evaluation import OUTCOMES_SCHEMA, STATISTICS, Statistic
from vitrail.errors import EvaluationError

__all__ = ["Outcomes", "outcomes_table", "read_outcomes"]


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One metric's outcomes, N rows.

    Attributes:
        units: Image ids [N].
        groups: What is drawn together in a bootstrap [N].
        strata: Class or direction [N]; empty strings when the metric has no strata.
        values: 1 hit, 0 miss, or a share; a level for a kappa, a score for a ranking [N].
        references: What a ratio divides by, a kappa's true level, 1 for what a ranking should find, a
            guess's probability; else ones [N].
    """

    metric: str
    statistic: Statistic = "mean"
    units: NDArray[np.str_]
    groups: NDArray[np.str_]
    strata: NDArray[np.str_]
    values: NDArray[np.float64]
    references: NDArray[np.float64]

    @functools.cached_property
    def num_units(self) -> int:
        """How many different units there are."""
        return len(np.unique(self.units))

    @functools.cached_property
    def num_groups(self) -> int:
        """How many independent draws there are."""
        return len(np.unique(self.groups))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Outcomes":
        """The outcomes of some rows, by mask or by position."""
        return Outcomes(
            metric=self.metric,
            statistic=self.statistic,
            units=self.units[rows],
            groups=self.groups[rows],
            strata=self.strata[rows],
            values=self.values[rows],
            references=self.references[rows],
        )

    def sorted(self) -> "Outcomes":
        """The same outcomes ordered by stratum and unit."""
        return self.take(np.lexsort((self.units, self.strata)))


def outcomes_table(outcomes: Iterable[Outcomes]) -> pa.Table:
    """All outcomes as one table of OUTCOMES_SCHEMA."""
    tables = [_one_table(item) for item in outcomes]
    return pa.concat_tables(tables) if tables else OUTCOMES_SCHEMA.empty_table()


def _one_table(outcomes: Outcomes) -> pa.Table:
    columns = [
        pa.repeat(outcomes.metric, len(outcomes.units)),
        pa.repeat(outcomes.statistic, len(outcomes.units)),
        outcomes.units.tolist(),
        outcomes.groups.tolist(),
        [stratum or None for stratum in outcomes.strata.tolist()],
        outcomes.values,
        outcomes.references,
    ]
    arrays = [pa.array(c, type=f.type) for c, f in zip(columns, OUTCOMES_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=OUTCOMES_SCHEMA)


def read_outcomes(path: Path, metric: str) -> Outcomes | None:
    """One metric's outcomes from `outcomes.parquet`, or None when it has none.

    Raises:
        EvaluationError: The file is absent, unreadable, or not of OUTCOMES_SCHEMA.
    """
    try:
        table = pq.read_table(path, schema=OUTCOMES_SCHEMA, filters=[("metric", "=", metric)])
    except (OSError, pa.ArrowInvalid) as error:
        raise EvaluationError(f"{path} cannot be read: {error}; evaluate the model again") from error
    if not table.num_rows:
        return None
    statistics = table["statistic"].unique().to_pylist()
    if len(statistics) != 1 or statistics[0] not in STATISTICS:
        raise EvaluationError(f"{path}: {metric} has the statistics {statistics}; evaluate the model again")
    return Outcomes(
        metric=metric,
        statistic=statistics[0],
        units=_strings(table["unit"]),
        groups=_strings(table["group"]),
        strata=_strings(table["stratum"]),
        values=_numbers(table["value"]),
        references=_numbers(table["reference"]),
    )


def _strings(column: pa.ChunkedArray) -> NDArray[np.str_]:
    return np.array(column.fill_null("").to_pylist(), dtype=np.str_)


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return column.to_numpy().astype(np.float64)
