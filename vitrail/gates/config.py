"""Thresholds: what a model must reach, and how little it may lose against the champion."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vitrail.config import Config, require

__all__ = ["EVERY_TASK", "ChangeThreshold", "CostLimits", "GateConfig", "ValueThreshold", "every_task"]

EVERY_TASK = re.compile(r"<(?P<kind>[a-z_]+)>/(?P<metric>.+)")  # no task's name has an angle bracket

Direction = Literal["min", "max"]


def every_task(kind: str, metric: str) -> str:
    """The name under which a threshold asks for `metric` of every task of a kind, as in `<classification>/lift`."""
    return f"<{kind}>/{metric}"


@dataclass(frozen=True, kw_only=True)
class ValueThreshold(Config):
    """The challenger's `metric` must be at least (`min`) or at most (`max`) `limit`.

    The point estimate is what is compared; the verdict shows its interval beside it.
    """

    metric: str
    limit: float
    direction: Direction = "min"

    def __post_init__(self) -> None:
        _require_metric(self.metric)
        require(math.isfinite(self.limit), "limit", self.limit, "give a finite number")


@dataclass(frozen=True, kw_only=True)
class ChangeThreshold(Config):
    """The challenger may be worse than the champion in `metric` by at most `margin`.

    `min`: more is better; `max`: less is better (gaps). The margin is in the metric's own unit. One below the smallest
    difference that the test split can tell leaves the check inconclusive.
    """

    metric: str
    margin: float
    direction: Direction = "min"

    def __post_init__(self) -> None:
        _require_metric(self.metric)
        require(
            math.isfinite(self.margin) and self.margin >= 0,
            "margin",
            self.margin,
            "give a finite number, 0 or more",
        )


@dataclass(frozen=True, kw_only=True)
class CostLimits(Config):
    """The most that a model may cost, by the names of `SystemNumbers`; a verdict says of what has no limit.

    Attributes:
        num_parameters: Of the model with all its heads.
        latency_ms: Median time to answer for one image, on the machine that evaluates.
    """

    num_parameters: int | None = None
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        for name in ("num_parameters", "latency_ms"):
            limit = getattr(self, name)
            is_usable = limit is None or (math.isfinite(limit) and limit > 0)
            require(is_usable, name, limit, "give a finite number above 0, or null for no limit")


@dataclass(frozen=True, kw_only=True)
class GateConfig(Config):
    """All thresholds of a recipe, by exact metric name or for every task of a kind (`<classification>/lift`).

    Without any, nothing is ever blessed.

    Attributes:
        values: Checked for every model.
        changes: Checked when there is a champion.
        costs: Checked for every model.
        num_resamples: Bootstrap replicates of a change check.
        min_groups: A change check over fewer independent groups of units is inconclusive: a bootstrap of a
            handful is too sure of itself.
        seed: Of the bootstrap.
    """

    values: tuple[ValueThreshold, ...] = ()
    changes: tuple[ChangeThreshold, ...] = ()
    costs: CostLimits = field(default_factory=CostLimits)
    num_resamples: int = 2000
    min_groups: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        _require_unique("values", [f"{item.metric} ({item.direction})" for item in self.values])
        _require_unique("changes", [item.metric for item in self.changes])
        require(self.num_resamples >= 100, "num_resamples", self.num_resamples, "give 100 or more")
        require(self.min_groups >= 2, "min_groups", self.min_groups, "give 2 or more")
        require(self.seed >= 0, "seed", self.seed, "give 0 or more")


def _require_metric(metric: str) -> None:
    is_exact = bool(metric) and not metric.startswith("<")
    remedy = "name a metric of evaluation.json, or of every task of a kind, as in <classification>/lift"
    require(is_exact or bool(EVERY_TASK.fullmatch(metric)), "metric", metric, remedy)


def _require_unique(field: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, field, twice, "give one threshold for each metric")
