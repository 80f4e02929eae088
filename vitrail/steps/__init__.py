"""The pipeline's steps as functions of (inputs, recipe), runnable one by one, and the runner they share."""

from vitrail.steps.artifacts import ARTIFACTS
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.runner import run_step
from vitrail.steps.workspace import Workspace

__all__ = [
    "ARTIFACTS",
    "Outcome",
    "Step",
    "StepContext",
    "Workspace",
    "run_step",
]
