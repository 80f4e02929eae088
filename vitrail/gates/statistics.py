"""How outcomes become a metric, for any number of bootstrap replicates at once.

A replicate counts every group of test units so many times. Most statistics need only sums per group and stratum;
a ranking needs its rows.

Shapes: N rows of outcomes, G groups, K strata, R replicates.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Statistic
from vitrail.gates.outcomes import Outcomes

__all__ = ["FloatArray", "Prepared", "prepare"]

FloatArray = NDArray[np.float64]
_MAX_CELLS = 4_000_000  # of one block of replicates of a ranking: bounds memory


@dataclass(frozen=True)
class Prepared:
    """The outcomes of a metric, ready for replicates.

    Attributes:
        num_groups: G.
        compute: The metric [R] when group g counts `weights_rg[r, g]` times; NaN where it is not defined.
    """

    num_groups: int
    compute: Callable[[FloatArray], FloatArray]


def prepare(outcomes: Outcomes) -> Prepared:
    """Prepares outcomes for their own statistic."""
    sums = _Sums(outcomes)
    table: dict[Statistic, Callable[[FloatArray], FloatArray]] = {
        "mean": lambda weights_rg: _mean(sums.means(weights_rg)),
        "gap": sums.gap,
        "ratio": sums.ratio,
        "mean_ratio": sums.mean_ratio,
        "kappa": sums.kappa,
        "calibration": sums.calibration,
        "average_precision": lambda weights_rg: _mean(_average_precisions(outcomes, sums.group_of, weights_rg)),
        "pooled_average_precision": lambda weights_rg: _average_precision(
            outcomes.values, outcomes.references, sums.group_of, weights_rg
        ),
    }
    return Prepared(sums.num_groups, table[outcomes.statistic])


class _Sums:
    """Sums over the rows of each group and stratum."""

    def __init__(self, outcomes: Outcomes) -> None:
        groups, self.group_of = np.unique(outcomes.groups, return_inverse=True)
        strata, stratum_of = np.unique(outcomes.strata, return_inverse=True)
        self.num_groups = len(groups)
        self._shape = (len(groups), len(strata))
        self._cells = self.group_of * len(strata) + stratum_of
        self._given, self._true = outcomes.values, outcomes.references
        self._values, self._references = self._total(outcomes.values), self._total(outcomes.references)
        self._counts = self._total(None)

    def means(self, weights_rg: FloatArray) -> FloatArray:
        """Mean value of each stratum [R, K]."""
        return _divide(weights_rg @ self._values, weights_rg @ self._counts)

    def gap(self, weights_rg: FloatArray) -> FloatArray:
        """Best minus worst stratum, in value over reference."""
        ratios = _divide(weights_rg @ self._values, weights_rg @ self._references)
        return _largest(ratios) + _largest(-ratios)

    def ratio(self, weights_rg: FloatArray) -> FloatArray:
        """Mean value over mean reference, each over the strata."""
        references = _divide(weights_rg @ self._references, weights_rg @ self._counts)
        return _divide(_mean(self.means(weights_rg)), _mean(references))

    def mean_ratio(self, weights_rg: FloatArray) -> FloatArray:
        """Mean over the strata of value over reference."""
        return _mean(_divide(weights_rg @ self._values, weights_rg @ self._references))

    def calibration(self, weights_rg: FloatArray) -> FloatArray:
        """Mean over rows of how far the mean value of their stratum is from its mean reference."""
        distances = np.abs(weights_rg @ (self._values - self._references))
        return _divide(distances.sum(axis=1), (weights_rg @ self._counts).sum(axis=1))

    def kappa(self, weights_rg: FloatArray) -> FloatArray:
        """Cohen's kappa with quadratic weights of two levels, `values` and `references` (Cohen 1968).

        1 minus the mean squared difference over that of values and references paired at random.
        """
        given, true = self._given, self._true
        columns = [self._total(column).sum(axis=1) for column in (None, given, true, given**2, true**2, given * true)]
        counts, given, true, given_squared, true_squared, product = (weights_rg @ column for column in columns)
        squares = _divide(given_squared + true_squared, counts)
        observed = squares - 2 * _divide(product, counts)
        by_chance = squares - 2 * _divide(given, counts) * _divide(true, counts)
        return 1 - _divide(observed, by_chance)

    def _total(self, column: FloatArray | None) -> FloatArray:
        summed = np.bincount(self._cells, column, minlength=self._shape[0] * self._shape[1])
        return summed.reshape(self._shape).astype(np.float64)


def _average_precisions(outcomes: Outcomes, group_of: NDArray[np.int64], weights_rg: FloatArray) -> FloatArray:
    """Average precision of the ranking of each stratum [R, K]."""
    strata = [outcomes.strata == name for name in np.unique(outcomes.strata)]
    columns = [
        _average_precision(outcomes.values[own], outcomes.references[own], group_of[own], weights_rg) for own in strata
    ]
    return np.stack(columns, axis=1)


def _average_precision(
    scores: FloatArray, is_relevant: FloatArray, group_of: NDArray[np.int64], weights_rg: FloatArray
) -> FloatArray:
    """Precision at each threshold, weighed by the recall it adds [R]; NaN without a relevant row."""
    order = np.argsort(-scores, kind="stable")
    scores, group_of = scores[order], group_of[order]
    relevant = np.flatnonzero(is_relevant[order])
    if not len(relevant):
        return np.full(len(weights_rg), np.nan)
    ends = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # rows of equal scores are one threshold
    # Recall rises at thresholds with a relevant row, so only those count.
    thresholds = np.unique(ends[np.searchsorted(ends, relevant)])
    blocks = [_ranked(relevant, thresholds, weights_rg[part][:, group_of]) for part in _blocks(weights_rg, len(scores))]
    return np.concatenate(blocks)


def _blocks(weights_rg: FloatArray, num_rows: int) -> Iterator[slice]:
    size = max(1, _MAX_CELLS // num_rows)
    for start in range(0, len(weights_rg), size):
        yield slice(start, start + size)


def _ranked(relevant: NDArray[np.int64], thresholds: NDArray[np.int64], weights_rn: FloatArray) -> FloatArray:
    """Average precision of rows in the order of the ranking; the last row of each threshold is given."""
    last_relevant = np.searchsorted(relevant, thresholds, side="right") - 1
    found = np.cumsum(weights_rn[:, relevant], axis=1)[:, last_relevant]
    taken = np.cumsum(weights_rn, axis=1)[:, thresholds]
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return _divide((np.diff(found, axis=1, prepend=0.0) * precision).sum(axis=1), found[:, -1])


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _mean(means_rk: FloatArray) -> FloatArray:
    """Mean over the strata that were drawn; NaN outcomes stay NaN when nothing was."""
    is_drawn = ~np.isnan(means_rk)
    return _divide(np.where(is_drawn, means_rk, 0.0).sum(axis=1), is_drawn.sum(axis=1).astype(np.float64))


def _largest(means_rk: FloatArray) -> FloatArray:
    largest = np.where(np.isnan(means_rk), -np.inf, means_rk).max(axis=1)
    return np.where(np.isfinite(largest), largest, np.nan)
