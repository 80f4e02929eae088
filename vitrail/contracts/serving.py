"""The endpoint contract: what an endpoint is made of, and the proof that it answers as the trainer does.

bundle.json                 BundleManifest
model/ index/ features/     what the endpoint loads; features/ is absent when the version has none
golden/images/<image_id>    encoded images of the test split; ids are percent-encoded
golden/answers.npz          embeddings float32 [N, D], keys int64 [N, k], similarities float32 [N, k],
and per head `probabilities/<head>` float32 [N, C]; no pickled objects
golden/image_ids.json       the N image ids, in the order of the answers

serving.json                ServingReport
"""

from dataclasses import dataclass

from vitrail.contracts.lineage import Lineage

__all__ = [
    "BUNDLE_FILE",
    "BUNDLE_SCHEMA_VERSION",
    "SERVING_FILE",
    "SERVING_SCHEMA_VERSION",
    "BundleManifest",
    "ServingCheck",
    "ServingReport",
]

BUNDLE_SCHEMA_VERSION = 1
SERVING_SCHEMA_VERSION = 1
BUNDLE_FILE = "bundle.json"
SERVING_FILE = "serving.json"


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """What a bundle holds (`bundle.json`)."""

    model_id: str
    index_digest: str
    lineage: Lineage
    num_golden: int
    num_neighbours: int  # per golden answer
    files: dict[str, str]  # relative path to SHA-256, every file but this one
    digest: str  # SHA-256 over `files` and the lineage; the identity of the bundle
    schema_version: int = BUNDLE_SCHEMA_VERSION


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
    lineage: Lineage  # as the endpoint stated it in its response header
    checks: tuple[ServingCheck, ...]
    num_images: int
    num_requests: int
    num_errors: dict[str, int]  # by HTTP status, or `connection` when there was no answer
    startup_s: float | None  # None: the endpoint ran before
    p50_ms: float  # of single requests, one after the other
    p99_ms: float
    concurrency: int
    concurrent_p99_ms: float
    images_per_s: float  # with `concurrency` clients
    schema_version: int = SERVING_SCHEMA_VERSION

    @property
    def is_passed(self) -> bool:
        """Whether every demand was met, and there was at least one."""
        return bool(self.checks) and all(check.is_passed for check in self.checks)
