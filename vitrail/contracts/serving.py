"""The serving contract: which Bento was built, and the proof that it answers as the trainer does.

bento.json               BuiltBento, of the step package_endpoint
serving.json             ServingReport, of the step validate_endpoint
"""

from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.contract import Contract
from vitrail.contracts.lineage import Lineage
from vitrail.errors import ServingError

__all__ = ["BuiltBento", "ServingCheck", "ServingReport"]


@dataclass(frozen=True, kw_only=True)
class ServingCheck:
    """One demand on the endpoint and what was measured; `value` must not exceed `limit`."""

    name: str
    is_passed: bool
    value: float
    limit: float
    detail: str


@dataclass(frozen=True, kw_only=True)
class ServingReport(
    Contract,
    noun="a proof of an endpoint",
    file="serving.json",
    error=ServingError,
    remedy="prove the endpoint again (step validate_endpoint)",
):
    """What an endpoint answered to the golden images (`serving.json`)."""

    model_id: str  # of the bundle
    index_digest: str
    bundle_digest: str
    lineage: Lineage  # of the bundle, with the Bento that the endpoint said it is
    checks: tuple[ServingCheck, ...]
    num_images: int
    num_requests: int
    num_errors: dict[str, int]  # by HTTP status, or `connection` when there was no answer
    p50_ms: float  # of single requests, one after the other
    p99_ms: float
    num_clients: int
    loaded_p50_ms: float  # with `num_clients` clients at once
    loaded_p99_ms: float
    images_per_s: float  # with `num_clients` clients at once

    @property
    def is_passed(self) -> bool:
        """Whether every demand was met, and there was at least one."""
        return bool(self.checks) and all(check.is_passed for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class BuiltBento(
    Contract,
    noun="a packaged endpoint",
    file="bento.json",
    error=ServingError,
    remedy="package the endpoint again (step package_endpoint)",
):
    """A Bento in a store: its tag and its folder."""

    tag: str
    path: Path
