"""Point estimates and percentile bootstrap over groups of test units.

Shapes: N rows of outcomes, G groups, K strata, R replicates. A replicate draws G groups with replacement, so
that units which are not independent (variants of one concept) come and go together; everything a metric needs
is then a sum per group and stratum, and R replicates are one matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Statistic
from vitrail.gates.outcomes import Outcomes

__all__ = ["Estimate", "are_paired", "estimate", "estimate_difference", "point"]

FloatArray = NDArray[np.float64]

QUANTILES = (0.025, 0.975)
_MAX_CELLS = 4_000_000  # of one block of draws: bounds memory


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its 95% interval; NaN where the outcomes leave it undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Sums:
    """Sums of values, references and rows, each [G, K]."""

    statistic: Statistic
    values: FloatArray
    references: FloatArray
    counts: FloatArray

    def statistic_of(self, weights_rg: FloatArray) -> FloatArray:
        """The metric [R] when group g counts `weights_rg[r, g]` times."""
        counts = weights_rg @ self.counts
        means = _divide(weights_rg @ self.values, counts)
        if self.statistic == "mean":
            return _mean(means)
        if self.statistic == "gap":
            return _largest(means) + _largest(-means)
        return _divide(_mean(means), _mean(_divide(weights_rg @ self.references, counts)))


def point(outcomes: Outcomes) -> float:
    """The metric itself; NaN when undefined."""
    sums = _sum(outcomes)
    return float(sums.statistic_of(np.ones((1, len(sums.counts))))[0])


def estimate(outcomes: Outcomes, *, num_resamples: int, seed: int) -> Estimate:
    """The metric and its interval."""
    sums = _sum(outcomes)
    draws = _draws(len(sums.counts), num_resamples, seed)
    return _summarise(point(outcomes), np.concatenate([sums.statistic_of(weights) for weights in draws]))


def estimate_difference(first: Outcomes, second: Outcomes, *, num_resamples: int, seed: int) -> Estimate:
    """`first` minus `second` over the same draws of the same units; both must be paired (`are_paired`)."""
    first, second = first.sorted(), second.sorted()
    ours, theirs = _sum(first), _sum(second)
    draws = _draws(len(ours.counts), num_resamples, seed)
    differences = [ours.statistic_of(weights) - theirs.statistic_of(weights) for weights in draws]
    return _summarise(point(first) - point(second), np.concatenate(differences))


def are_paired(first: Outcomes, second: Outcomes) -> bool:
    """Whether both hold the same units in the same strata and groups, and mean the same statistic."""
    if first.statistic != second.statistic or len(first.units) != len(second.units):
        return False
    first, second = first.sorted(), second.sorted()
    columns = ((first.units, second.units), (first.strata, second.strata), (first.groups, second.groups))
    return all(np.array_equal(ours, theirs) for ours, theirs in columns)


def _sum(outcomes: Outcomes) -> _Sums:
    groups, group_of = np.unique(outcomes.groups, return_inverse=True)
    strata, stratum_of = np.unique(outcomes.strata, return_inverse=True)
    cells = group_of * len(strata) + stratum_of
    shape = (len(groups), len(strata))

    def total(weights: FloatArray | None) -> FloatArray:
        return np.bincount(cells, weights, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    return _Sums(outcomes.statistic, total(outcomes.values), total(outcomes.references), total(None))


def _draws(num_groups: int, num_resamples: int, seed: int) -> Iterator[FloatArray]:
    """How often each group is drawn, in blocks [R, G]; the draws depend on nothing but the arguments."""
    generator = np.random.default_rng(seed)
    block = max(1, _MAX_CELLS // max(1, num_groups))
    for start in range(0, num_resamples, block):
        num_rows = min(block, num_resamples - start)
        drawn = generator.integers(0, num_groups, size=(num_rows, num_groups))
        drawn += np.arange(num_rows)[:, None] * num_groups
        counts = np.bincount(drawn.ravel(), minlength=num_rows * num_groups)
        yield counts.reshape(num_rows, num_groups).astype(np.float64)


def _summarise(value: float, replicates_r: FloatArray) -> Estimate:
    finite = replicates_r[np.isfinite(replicates_r)]
    if not (np.isfinite(value) and finite.size):
        return Estimate(value=value, low=float("nan"), high=float("nan"))
    low, high = np.quantile(finite, QUANTILES)
    return Estimate(value=value, low=float(low), high=float(high))


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _mean(means_rk: FloatArray) -> FloatArray:
    """Mean over the strata that were drawn; NaN outcomes stay NaN when nothing was."""
    is_drawn = ~np.isnan(means_rk)
    return _divide(np.where(is_drawn, means_rk, 0.0).sum(axis=1), is_drawn.sum(axis=1).astype(np.float64))


def _largest(means_rk: FloatArray) -> FloatArray:
    largest = np.where(np.isnan(means_rk), -np.inf, means_rk).max(axis=1)
    return np.where(np.isfinite(largest), largest, np.nan)
