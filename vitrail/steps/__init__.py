"""The pipeline's steps as functions of (inputs, recipe), runnable one by one, and the runner they share."""

from vitrail.steps.artifacts import ARTIFACTS
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.runner import ArtifactManifest, run_step
from vitrail.steps.workspace import StepRecord, Workspace

__all__ = [
    "ARTIFACTS",
    "ArtifactManifest",
    "Outcome",
    "Step",
    "StepContext",
    "StepRecord",
    "Workspace",
    "run_step",
]
