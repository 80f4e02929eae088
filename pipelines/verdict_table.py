"""A verdict as lines for a terminal and as a table in Markdown: every value beside its limit."""

from collections.abc import Iterator

from vitrail.contracts.verdict import Check, Verdict

__all__ = ["plain_markdown", "write_lines", "write_markdown"]

_KINDS = {"value": "value", "change": "against the champion"}


def write_lines(verdict: Verdict) -> Iterator[str]:
    """A line for each check: outcome, name, what was measured, its interval, what the split tells, and the limit."""
    for check in verdict.checks:
        name = f"{check.name} ({_KINDS[check.kind]})"
        yield f"  {check.outcome:<14}{name:<58} {_measured(check):<28} limit {_limit(check)}"


def write_markdown(verdict: Verdict) -> str:
    """The same as a table of GitHub's Markdown, and the reasons that no check states."""
    rows = [
        (plain_markdown(check.name), _KINDS[check.kind], _measured(check), _limit(check), check.outcome)
        for check in verdict.checks
    ]
    head = ("| gate | compared | measured | limit | outcome |", "|---|---|---|---|---|")
    table = [*head, *(f"| {' | '.join(row)} |" for row in rows)]
    stated = {f"{check.name} ({check.kind}): {check.outcome}, {check.reason}" for check in verdict.checks}
    others = [f"- {plain_markdown(reason)}" for reason in verdict.reasons if reason not in stated]
    return "\n".join([*table, *(["", *others] if others else [])])


def plain_markdown(text: str) -> str:
    """Text that opens no cell, tag, link or mention of its own, in one line."""
    line = " ".join(text.split())
    return "".join(f"\\{mark}" if mark in "\\|`*_<>[]@#" else mark for mark in line)


def _measured(check: Check) -> str:
    value, sign = (check.challenger, "") if check.kind == "value" else (check.difference, "+")
    if value is None:
        return "missing"
    interval = "" if check.low is None or check.high is None else f" [{check.low:{sign}.3f}, {check.high:{sign}.3f}]"
    tells = "" if check.smallest_difference is None else f", tells {check.smallest_difference:.3f}"
    return f"{value:{sign}.3f}{interval}{tells}"


def _limit(check: Check) -> str:
    return f"{'≥' if check.direction == 'min' else '≤'} {check.limit:{'' if check.kind == 'value' else '+'}.3f}"
