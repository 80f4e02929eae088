"""The top of the page: what failed, what was decided, and every gate with its limit and interval."""

from collections.abc import Sequence
from typing import Any

from vitrail.contracts.verdict import Check, Verdict
from vitrail.reporting.artifacts import read_verdict
from vitrail.reporting.numbers import format_number
from vitrail.reporting.run import Run, StepEntry

__all__ = ["outcome"]

_HEADLINES = {
    "blessed": "Blessed: this model may take the champion’s place",
    "rejected": "Rejected: this model stays a challenger",
    "inconclusive": "Inconclusive: not enough evidence to replace the champion",
    "failed": "Failed",
    "unfinished": "Unfinished: no verdict was reached",
}
_MARKS = {"pass": "✓ pass", "fail": "✗ fail", "inconclusive": "? inconclusive"}


def outcome(run: Run) -> dict[str, Any]:
    """Status, headline, failures and gates."""
    verdict = read_verdict(run)
    failures = [_failure(entry) for entry in run.failed]
    status = "failed" if failures else verdict.status if verdict else "unfinished"
    headline = _HEADLINES[status]
    if failures:
        headline = f"Failed at {' and '.join(failure['step'] for failure in failures)}"
    return {
        "status": status,
        "headline": headline,
        "failures": failures,
        "verdict": verdict,
        "verdict_headline": _HEADLINES[verdict.status] if verdict else "",
        "checks": [_check(check) for check in verdict.checks] if verdict else [],
        "notes": _notes(verdict),
        "interrupted": [entry.step for entry in run.steps if entry.status == "running"],
    }


def _failure(entry: StepEntry) -> dict[str, str]:
    message = entry.error or "the step left no message"
    _, separator, remedy = message.rpartition("; ")
    return {
        "step": entry.step,
        "error": message,
        "remedy": _capitalise(remedy.strip() if separator else "read the error and correct its cause"),
    }


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _notes(verdict: Verdict | None) -> Sequence[str]:
    """The reasons that no check states already."""
    if verdict is None:
        return ()
    said = {f"{check.name} ({check.kind}): {check.outcome}, {check.reason}" for check in verdict.checks}
    return [_capitalise(reason) for reason in verdict.reasons if reason not in said]


def _check(check: Check) -> dict[str, Any]:
    measured = check.challenger if check.kind == "value" else check.difference
    sign = "" if check.kind == "value" else "+"
    return {
        "name": check.name,
        "kind": "value" if check.kind == "value" else "against the champion",
        "outcome": check.outcome,
        "mark": _MARKS[check.outcome],
        "measured": format_number(measured, sign),
        "interval": f"{format_number(check.low, sign)} to {format_number(check.high, sign)}"
        if check.low is not None
        else "–",
        "limit": f"{'≥' if check.direction == 'min' else '≤'} {format_number(check.limit, sign)}",
        "pair": f"{format_number(check.challenger)} / {format_number(check.champion)}"
        if check.kind == "change"
        else "",
        "reason": check.reason,
        "scale": _scale(measured, check),
    }


def _scale(measured: float | None, check: Check) -> dict[str, float] | None:
    """Where interval, value and limit lie on a strip, in percent of its width."""
    if measured is None or check.low is None or check.high is None:
        return None
    numbers = (measured, check.low, check.high, check.limit)
    start, width = min(numbers), max(max(numbers) - min(numbers), 1e-9)

    def place(number: float) -> float:
        return round(6 + 88 * (number - start) / width, 2)

    left = place(check.low)
    return {
        "left": left,
        "width": round(max(place(check.high) - left, 0.8), 2),
        "point": place(measured),
        "limit": place(check.limit),
    }
