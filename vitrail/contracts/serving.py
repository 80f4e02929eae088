"""The serving contract (`serving.json`): the proof that an endpoint answers as the trainer does."""

from dataclasses import dataclass

from vitrail.contracts.lineage import Lineage

__all__ = ["SERVING_FILE", "SERVING_SCHEMA_VERSION", "ServingCheck", "ServingReport"]

SERVING_SCHEMA_VERSION = 1
SERVING_FILE = "serving.json"


@dataclass(frozen=True, kw_only=True)
class ServingCheck:
    """One demand on the endpoint and what was measured; `value` must not exceed `limit`."""

    name: str
    is_passed: bool
    value: float
    limit: float
    detail: str


@dataclass(frozen=True, kw_only=True)
class ServingReport:
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
    schema_version: int = SERVING_SCHEMA_VERSION

    @property
    def is_passed(self) -> bool:
        """Whether every demand was met, and there was at least one."""
        return bool(self.checks) and all(check.is_passed for check in self.checks)
