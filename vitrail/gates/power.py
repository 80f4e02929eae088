"""How small a difference between two models a test split can tell."""

import numpy as np

from vitrail.gates.bootstrap import Estimate
from vitrail.gates.outcomes import Outcomes

__all__ = ["smallest_difference"]

_INTERVAL_ERRORS = 1.96  # standard errors from the middle of a 95% interval to its end
_POWER_ERRORS = 0.84  # as many more let a true difference clear that end in four of five test splits
_MISSED = 0.025  # chance that a one-sided 95% interval misses


def smallest_difference(first: Outcomes, second: Outcomes, difference: Estimate) -> float:
    """The smallest difference in a metric that a comparison on these test units finds four times out of five.

    It follows from the standard error of the paired difference, and is never less than what can go unseen because so
    few groups were drawn: when none of G groups was decided otherwise, up to 1 - 0.025^(1/G) of all may be (the exact
    binomial bound of Clopper and Pearson 1934, of no event in G), however equal the two models look.

    Args:
        first: Outcomes of one model.
        second: Paired outcomes of the other.
        difference: Between the two, with its interval.

    Returns:
        In the metric's own unit; NaN without a finite interval.
    """
    spread = (difference.high - difference.low) / 2
    by_noise = spread * (_INTERVAL_ERRORS + _POWER_ERRORS) / _INTERVAL_ERRORS
    unseen_share = 1 - _MISSED ** (1 / _fewest_groups(first))
    return float(np.maximum(by_noise, unseen_share * _largest_swing(first, second)))


def _fewest_groups(outcomes: Outcomes) -> int:
    """Groups that the metric rests on: a gap on those of its smallest stratum, any other on all."""
    if outcomes.statistic != "gap":
        return outcomes.num_groups
    return min(outcomes.take(outcomes.strata == stratum).num_groups for stratum in np.unique(outcomes.strata))


def _largest_swing(first: Outcomes, second: Outcomes) -> float:
    """How far a metric would move if every group were decided otherwise."""
    if first.statistic not in ("mean", "gap", "ratio"):
        return 1.0
    largest = max(1.0, float(first.values.max()), float(second.values.max()))
    mean_reference = min(float(first.references.mean()), float(second.references.mean()))
    return largest / mean_reference if mean_reference > 0 else float("inf")
