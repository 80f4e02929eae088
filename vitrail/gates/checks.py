"""One threshold against what was measured. A check passes only on numbers that belong together."""

import dataclasses
import math

import numpy as np

from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.verdict import Check, Outcome
from vitrail.gates.bootstrap import Estimate, are_paired, estimate_difference, point
from vitrail.gates.config import ChangeThreshold, CostLimits, Direction, ValueThreshold
from vitrail.gates.outcomes import Outcomes
from vitrail.gates.power import smallest_difference

__all__ = ["Measured", "check_change", "check_costs", "check_value"]

_TOLERANCE = 1e-6  # outcomes are stored as float32


class Measured:
    """One model's evaluation: its report, and its outcomes for the metrics that are compared."""

    def __init__(self, report: EvaluationReport, outcomes: dict[str, Outcomes]) -> None:
        self.report = report
        self.outcomes = outcomes

    def value(self, metric: str) -> float | None:
        """The reported value; None when it is missing or not finite."""
        found = self.report.metric(metric)
        return None if found is None else _finite(found.value)


def check_value(threshold: ValueThreshold, report: EvaluationReport) -> Check:
    """Compares the challenger's point estimate with the limit."""
    metric = report.metric(threshold.metric)
    return _check_number(
        threshold.metric,
        None if metric is None else metric.value,
        threshold.limit,
        threshold.direction,
        low=None if metric is None else _finite(metric.low),
        high=None if metric is None else _finite(metric.high),
    )


def check_costs(limits: CostLimits, report: EvaluationReport) -> list[Check]:
    """Compares what the challenger costs with each limit that is set."""
    return [
        _check_number(f"system/{name}", getattr(report.system, name, None), limit, "max")
        for name, limit in dataclasses.asdict(limits).items()
        if limit is not None
    ]


def _check_number(
    name: str,
    found: float | None,
    limit: float,
    direction: Direction,
    *,
    low: float | None = None,
    high: float | None = None,
) -> Check:
    value = None if found is None else _finite(found)
    if found is None:
        outcome, reason = _fail(f"{name} was not measured")
    elif value is None:
        outcome, reason = _fail(f"{name} is {found}, not a finite number")
    else:
        is_met = value >= limit if direction == "min" else value <= limit
        outcome = "pass" if is_met else "fail"
        reason = f"{value:.4g} {_relation(direction, is_met)} {limit:.4g}"
    return Check(
        name=name,
        kind="value",
        outcome=outcome,
        limit=limit,
        direction=direction,
        challenger=value,
        champion=None,
        difference=None,
        low=low,
        high=high,
        reason=reason,
    )


def check_change(
    threshold: ChangeThreshold,
    challenger: Measured,
    champion: Measured,
    *,
    num_resamples: int,
    min_groups: int,
    seed: int,
) -> Check:
    """Non-inferiority: is challenger minus champion, paired by unit, surely no worse than the margin?"""
    metric = threshold.metric
    difference, smallest = None, None
    if problem := _incomparable(metric, challenger, champion):
        outcome, reason = _fail(problem)
    else:
        ours, theirs = challenger.outcomes[metric], champion.outcomes[metric]
        difference = estimate_difference(ours, theirs, num_resamples=num_resamples, seed=seed)
        is_same = challenger.report.model_id == champion.report.model_id
        smallest = 0.0 if is_same else smallest_difference(ours, theirs, difference)
        if ours.num_groups < min_groups:
            outcome, reason = (
                "inconclusive",
                f"{ours.num_groups} independent groups of test units, {min_groups} are needed to compare",
            )
        else:
            outcome, reason = _judge(threshold, difference, smallest)
    return Check(
        name=metric,
        kind="change",
        outcome=outcome,
        limit=_limit(threshold),
        direction=threshold.direction,
        challenger=challenger.value(metric),
        champion=champion.value(metric),
        difference=None if difference is None else _finite(difference.value),
        low=None if difference is None else _finite(difference.low),
        high=None if difference is None else _finite(difference.high),
        smallest_difference=None if smallest is None else _finite(smallest),
        reason=reason,
    )


def _judge(threshold: ChangeThreshold, difference: Estimate, smallest: float) -> tuple[Outcome, str]:
    """The outcome, and why; a margin that the split cannot tell decides nothing.

    Except that a model which is surely better than the champion passes, and one that is surely worse by more than the
    margin fails: the interval alone says so.
    """
    if not (math.isfinite(difference.low) and math.isfinite(difference.high)):
        return _fail("the difference to the champion has no finite interval")
    limit = _limit(threshold)
    shown = f"[{difference.low:+.4g}, {difference.high:+.4g}]"
    is_min = threshold.direction == "min"
    worst, best = (difference.low, difference.high) if is_min else (-difference.high, -difference.low)
    tells = f"this split tells differences of {smallest:.4g} or more"
    if best < -threshold.margin:
        return "fail", f"the interval {shown} lies beyond {limit:+.4g}: worse than the champion; {tells}"
    if worst > 0:
        return "pass", f"the interval {shown} lies on the good side of 0: better than the champion; {tells}"
    if threshold.margin < smallest:
        return (
            "inconclusive",
            f"{tells}, and the margin {threshold.margin:.4g} is below that: measure on more test units",
        )
    if worst >= -threshold.margin:
        return "pass", f"the interval {shown} lies on the good side of {limit:+.4g}; {tells}"
    return "inconclusive", f"the interval {shown} straddles {limit:+.4g}: more test units are needed; {tells}"


def _incomparable(metric: str, challenger: Measured, champion: Measured) -> str | None:
    """Why the two models cannot be compared in `metric`, or None when they can."""
    if challenger.report.corpus_digest != champion.report.corpus_digest:
        return (
            f"the champion was evaluated on corpus {champion.report.corpus_digest[:12]}, the challenger on "
            f"{challenger.report.corpus_digest[:12]}; evaluate both on the same corpus"
        )
    if challenger.report.split != champion.report.split:
        return (
            f"the champion was evaluated on the split {champion.report.split}, the challenger on "
            f"{challenger.report.split}; evaluate both on the same split"
        )
    for name, measured in (("challenger", challenger), ("champion", champion)):
        if problem := _unusable(metric, measured):
            return f"{name}: {problem}"
    if not are_paired(challenger.outcomes[metric], champion.outcomes[metric]):
        return "the two models were measured on different test units or labels; evaluate both on the same split"
    return None


def _unusable(metric: str, measured: Measured) -> str | None:
    found = measured.report.metric(metric)
    if found is None:
        return f"{metric} was not measured"
    if not math.isfinite(found.value):
        return f"{metric} is {found.value}, not a finite number"
    outcomes = measured.outcomes.get(metric)
    if outcomes is None:
        return f"{metric} has no rows in outcomes.parquet; only metrics that have them can be compared"
    if not (np.isfinite(outcomes.values).all() and np.isfinite(outcomes.references).all()):
        return f"the outcomes of {metric} hold a value that is not finite"
    if not abs(point(outcomes) - found.value) <= _TOLERANCE:
        return f"evaluation.json gives {found.value:.6g}, outcomes.parquet {point(outcomes):.6g}"
    return None


def _limit(threshold: ChangeThreshold) -> float:
    return -threshold.margin if threshold.direction == "min" else threshold.margin


def _relation(direction: Direction, is_met: bool) -> str:
    if direction == "min":
        return "reaches" if is_met else "is below"
    return "stays within" if is_met else "exceeds"


def _fail(reason: str) -> tuple[Outcome, str]:
    return "fail", reason


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
