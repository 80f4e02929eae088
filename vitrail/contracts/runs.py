"""The run contract: what each step of a run did, and what it hands to the next.

steps/<step>.json        StepRecord, in the folder of the run
artifact.json            ArtifactManifest, beside the artifact in the store; a pipeline's tasks pass copies of it
"""

from dataclasses import dataclass, field
from typing import Literal

from vitrail.contracts.contract import Contract
from vitrail.errors import RunError

__all__ = ["ArtifactManifest", "StepRecord"]


@dataclass(frozen=True, kw_only=True)
class StepRecord(
    Contract,
    noun="the folder of a run's records",
    file="steps/{step}.json",
    error=RunError,
    remedy="run the step again",
):
    """What one step did in one run."""

    step: str
    status: Literal["running", "succeeded", "failed"]
    started_at: str  # ISO 8601, UTC
    seconds: float
    is_reused: bool  # the artifact was made by an earlier run from the same inputs
    artifact: str | None  # folder, absolute
    digest: str | None
    value: str = ""  # what the graph branches on
    lineage: dict[str, str] = field(default_factory=dict)  # the Lineage fields that this step settled
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ArtifactManifest(
    Contract,
    noun="an artifact of a step",
    file="artifact.json",
    error=RunError,
    remedy="run the step that makes it again",
):
    """What steps hand to each other: where an artifact lies and what it is. Never the artifact itself."""

    step: str
    artifact: str  # folder
    digest: str
    value: str
    lineage: dict[str, str]
