"""Thresholds for every task of a kind, written out for the tasks that a corpus has."""

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from vitrail.contracts.evaluation import MeasuredTask
from vitrail.gates.config import EVERY_TASK, ChangeThreshold, GateConfig, ValueThreshold

__all__ = ["expand_thresholds"]

T = TypeVar("T", ValueThreshold, ChangeThreshold)


def expand_thresholds(config: GateConfig, tasks: Sequence[MeasuredTask]) -> GateConfig:
    """The same thresholds, by exact metric name; one that names its task goes before one for every task."""
    return dataclasses.replace(
        config, values=tuple(_expand(config.values, tasks)), changes=tuple(_expand(config.changes, tasks))
    )


def _expand(thresholds: Sequence[T], tasks: Sequence[MeasuredTask]) -> list[T]:
    exact = [threshold for threshold in thresholds if not EVERY_TASK.fullmatch(threshold.metric)]
    named = {(threshold.metric, threshold.direction) for threshold in exact}
    expanded: list[T] = []
    for threshold in thresholds:
        every = EVERY_TASK.fullmatch(threshold.metric)
        if not every:
            expanded.append(threshold)
            continue
        metrics = [f"{task.name}/{every['metric']}" for task in tasks if task.kind == every["kind"]]
        expanded += [
            dataclasses.replace(threshold, metric=metric)
            for metric in metrics
            if (metric, threshold.direction) not in named
        ]
    return expanded
