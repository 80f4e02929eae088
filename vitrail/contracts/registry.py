"""The registry contract: which version a model is, and which version serves.

version.json             ModelVersion, of the step register_model
release.json             Release, of the step promote_model
champion.json            ComparedChampion, beside the evaluations that were made to compare with it
"""

from dataclasses import dataclass

from vitrail.contracts.contract import Contract
from vitrail.contracts.lineage import Lineage
from vitrail.errors import RegistryError

__all__ = ["ComparedChampion", "ModelVersion", "Release"]


@dataclass(frozen=True, kw_only=True)
class ModelVersion(
    Contract,
    noun="a registered version",
    file="version.json",
    error=RegistryError,
    remedy="register the model again (step register_model)",
):
    """A version in the registry; model, index and features are its artifacts, so they move together."""

    name: str
    version: str
    model_id: str
    index_digest: str
    artifacts_digest: str  # of digests.json, which names every artifact's digest
    mlflow_run_id: str
    tracking_uri: str
    lineage: Lineage

    @property
    def reference(self) -> str:
        """`<registered name>/<version>`, as lineage records state it."""
        return f"{self.name}/{self.version}"

    @property
    def uri(self) -> str:
        """MLflow's address of the version."""
        return f"models:/{self.reference}"


@dataclass(frozen=True, kw_only=True)
class Release(
    Contract,
    noun="a release",
    file="release.json",
    error=RegistryError,
    remedy="promote the version again (step promote_model)",
):
    """The champion's alias moved: from what to what."""

    version: ModelVersion
    previous: str | None  # reference of the version to go back to; None: this is the first champion
    promoted_at: str  # ISO 8601, UTC


@dataclass(frozen=True, kw_only=True)
class ComparedChampion(
    Contract,
    noun="a comparison with the champion",
    file="champion.json",
    error=RegistryError,
    remedy="evaluate the model again (step evaluate_model)",
):
    """The version that was the champion when a challenger was evaluated."""

    reference: str | None  # None: there was none
