"""What a recipe's thresholds leave unguarded, in words for the verdict."""

import dataclasses
from collections.abc import Iterator, Sequence

from vitrail.contracts.evaluation import MeasuredTask
from vitrail.gates.config import EVERY_TASK, GateConfig
from vitrail.gates.expansion import expand_thresholds

__all__ = ["describe_coverage"]

# Per kind of task: what an average hides.
_RISKS = {"classification": "recall_gap", "retrieval": "binary_ratio"}


def describe_coverage(config: GateConfig, tasks: Sequence[MeasuredTask], *, has_champion: bool) -> list[str]:
    """A sentence on each task, risk and cost without a threshold, and on each kind of task that is asked for in vain.

    Args:
        config: The recipe's thresholds.
        tasks: What was measured, of the challenger or of the champion.
        has_champion: Whether there is one to compare with.
    """
    expanded = expand_thresholds(config, tasks)
    valued = {threshold.metric for threshold in expanded.values}
    compared = {threshold.metric for threshold in expanded.changes}
    return [
        *(sentence for task in tasks for sentence in _of_task(task, valued, compared, has_champion=has_champion)),
        *(
            f"cost system/{name} has no threshold"
            for name, limit in dataclasses.asdict(config.costs).items()
            if limit is None
        ),
        *_of_kinds(config, tasks),
    ]


def _of_task(task: MeasuredTask, valued: set[str], compared: set[str], *, has_champion: bool) -> Iterator[str]:
    named = f"task {task.name} ({task.kind})"
    has_value, has_change = (any(name.startswith(f"{task.name}/") for name in names) for names in (valued, compared))
    if not has_value and not has_change:
        yield f"{named} has no threshold"
        return
    if not has_value:
        yield f"{named} has no threshold for a value"
    if not has_change and has_champion:
        yield f"{named} has no threshold against the champion, so that a loss is not seen"
    risk = f"{task.name}/{_RISKS.get(task.kind, '')}"
    if task.kind in _RISKS and risk not in valued | compared:
        yield f"risk {risk} has no threshold"


def _of_kinds(config: GateConfig, tasks: Sequence[MeasuredTask]) -> list[str]:
    metrics = [*(value.metric for value in config.values), *(change.metric for change in config.changes)]
    kinds = {every["kind"] for metric in metrics if (every := EVERY_TASK.fullmatch(metric))}
    missing = sorted(kinds - {task.kind for task in tasks})
    return [f"there is no {kind} task, so nothing of that kind was checked" for kind in missing]
