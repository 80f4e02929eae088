"""The verdict contract (`verdict.json`): may this model take the champion's place, and why."""

from dataclasses import dataclass
from typing import Literal

from vitrail.contracts.contract import Contract
from vitrail.errors import GateError

__all__ = ["Check", "Verdict"]

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One threshold and what was measured against it.

    `value` checks compare the challenger's metric with `limit`; `change` checks compare challenger minus
    champion, paired over the same test units, with `limit` (a negative margin for non-inferiority). One whose margin
    is below `smallest_difference` is inconclusive where the interval does not decide by itself.
    Numbers are None when the metric is missing or not finite, and the check has then failed.
    """

    name: str
    kind: Literal["value", "change"]
    outcome: Outcome
    limit: float
    direction: Literal["min", "max"]  # the measured number must be at least / at most the limit
    challenger: float | None
    champion: float | None
    difference: float | None
    low: float | None  # 95% interval of what is compared
    high: float | None
    smallest_difference: float | None = None  # that the test split can tell, of a change
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict(
    Contract,
    noun="a verdict",
    file="verdict.json",
    error=GateError,
    remedy="gate the model again (step gate_model)",
):
    """Blessed only when every check passed and there was at least one; anything else is not blessed."""

    status: Literal["blessed", "rejected", "inconclusive"]
    challenger_id: str
    champion_id: str | None  # None: there is no champion yet
    champion_version: str | None
    corpus_digest: str
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]

    @property
    def is_blessed(self) -> bool:
        """Whether the model may be promoted."""
        return self.status == "blessed"
