"""The pipeline's steps as functions of (inputs, recipe), runnable one by one, and the runner they share."""

from vitrail.steps.artifacts import ARTIFACTS
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.run_ids import last_run_by_hand, new_run_id
from vitrail.steps.runner import run_step
from vitrail.steps.workspace import Workspace

__all__ = [
    "ARTIFACTS",
    "Outcome",
    "Step",
    "StepContext",
    "Workspace",
    "last_run_by_hand",
    "new_run_id",
    "run_step",
]
