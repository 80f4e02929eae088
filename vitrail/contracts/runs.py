"""The run contract: what each step of a run did, and what it hands to the next.

recipe.json              the resolved recipe, in the folder of the run
steps/<step>.json        StepRecord, there too
summary.json             RunSummary, there too, with report.html
artifact.json            ArtifactManifest, beside the artifact in the store; a pipeline's tasks pass copies of it
"""

from dataclasses import dataclass, field
from typing import Literal

from vitrail.contracts.contract import Contract
from vitrail.contracts.lineage import Lineage
from vitrail.errors import RunError

__all__ = ["RECIPE_FILE", "REPORT_FILE", "ArtifactManifest", "RegisteredModel", "RunSummary", "StepRecord"]

RECIPE_FILE = "recipe.json"
REPORT_FILE = "report.html"


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
    artifact: str | None  # folder; in the file relative to the run's, or absolute
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


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """What a run's model is called in the registry."""

    name: str
    version: str
    alias: Literal["champion", "challenger"]


@dataclass(frozen=True, kw_only=True)
class RunSummary(
    Contract,
    noun="the folder of a run that ended",
    file="summary.json",
    error=RunError,
    remedy="publish the run's report again (step publish_report)",
):
    """The run in one JSON object, what a CI job or a person reads first; what no step made is None."""

    run_id: str
    status: Literal["succeeded", "failed", "unfinished"]
    failed_step: str | None
    error: str | None
    corpus_digest: str | None
    num_images: int | None
    num_labels: int | None
    seconds: dict[str, float]  # by step
    reused: tuple[str, ...]  # steps whose artifact an earlier run had made
    metrics: dict[str, dict[str, float]]  # value, low and high of each metric of the challenger
    verdict: Literal["blessed", "rejected", "inconclusive"] | None
    model: RegisteredModel | None
    bento: str | None
    lineage: Lineage
