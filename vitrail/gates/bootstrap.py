"""Point estimates and percentile bootstrap over groups of test units.

Shapes: N rows of outcomes, G groups, R replicates. A replicate draws G groups with replacement, so that units which
are not independent (variants of one concept) come and go together.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vitrail.gates.outcomes import Outcomes
from vitrail.gates.statistics import FloatArray, prepare

__all__ = ["Estimate", "are_paired", "estimate", "estimate_difference", "point"]

QUANTILES = (0.025, 0.975)
_MAX_CELLS = 4_000_000  # of one block of draws: bounds memory
_MAX_KEPT_CELLS = 1_000_000  # of draws that are kept for the next metric
_REFERRING_TO_TRUTH = ("kappa", "average_precision", "pooled_average_precision")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value and its 95% interval; NaN where the outcomes leave it undefined."""

    value: float
    low: float
    high: float


def point(outcomes: Outcomes) -> float:
    """The metric itself; NaN when undefined."""
    prepared = prepare(outcomes)
    return float(prepared.compute(np.ones((1, prepared.num_groups)))[0])


def estimate(outcomes: Outcomes, *, num_resamples: int, seed: int) -> Estimate:
    """The metric and its interval."""
    prepared = prepare(outcomes)
    draws = _draws(prepared.num_groups, num_resamples, seed)
    return _summarise(point(outcomes), np.concatenate([prepared.compute(weights) for weights in draws]))


def estimate_difference(first: Outcomes, second: Outcomes, *, num_resamples: int, seed: int) -> Estimate:
    """`first` minus `second` over the same draws of the same units; both must be paired (`are_paired`)."""
    first, second = first.sorted(), second.sorted()
    ours, theirs = prepare(first), prepare(second)
    draws = _draws(ours.num_groups, num_resamples, seed)
    differences = [ours.compute(weights) - theirs.compute(weights) for weights in draws]
    return _summarise(point(first) - point(second), np.concatenate(differences))


def are_paired(first: Outcomes, second: Outcomes) -> bool:
    """Whether both hold the same units in the same strata and groups, and mean the same statistic of the same truth."""
    if first.statistic != second.statistic or len(first.units) != len(second.units):
        return False
    first, second = first.sorted(), second.sorted()
    columns = ((first.units, second.units), (first.strata, second.strata), (first.groups, second.groups))
    is_same_truth = first.statistic not in _REFERRING_TO_TRUTH or np.array_equal(first.references, second.references)
    return is_same_truth and all(np.array_equal(ours, theirs) for ours, theirs in columns)


def _draws(num_groups: int, num_resamples: int, seed: int) -> Iterator[FloatArray]:
    """How often each group is drawn, in blocks [R, G]; the draws depend on nothing but the arguments."""
    if num_groups * num_resamples <= _MAX_KEPT_CELLS:
        yield _draws_kept(num_groups, num_resamples, seed)
        return
    generator = np.random.default_rng(seed)
    block = max(1, _MAX_CELLS // max(1, num_groups))
    for start in range(0, num_resamples, block):
        yield _draw(generator, num_groups, min(block, num_resamples - start))


@functools.lru_cache(maxsize=4)
def _draws_kept(num_groups: int, num_resamples: int, seed: int) -> FloatArray:
    """All draws at once, kept because most metrics of a task rest on the same number of groups."""
    draws = _draw(np.random.default_rng(seed), num_groups, num_resamples)
    draws.setflags(write=False)
    return draws


def _draw(generator: np.random.Generator, num_groups: int, num_rows: int) -> FloatArray:
    drawn = generator.integers(0, num_groups, size=(num_rows, num_groups))
    drawn += np.arange(num_rows)[:, None] * num_groups
    counts = np.bincount(drawn.ravel(), minlength=num_rows * num_groups)
    return counts.reshape(num_rows, num_groups).astype(np.float64)


def _summarise(value: float, replicates_r: FloatArray) -> Estimate:
    finite = replicates_r[np.isfinite(replicates_r)]
    if not (np.isfinite(value) and finite.size):
        return Estimate(value=value, low=float("nan"), high=float("nan"))
    low, high = np.quantile(finite, QUANTILES)
    return Estimate(value=value, low=float(low), high=float(high))
