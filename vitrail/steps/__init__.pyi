from .context import Outcome, StepContext
from .declaration import Step
from .run_ids import last_run_by_hand, new_run_id
from .runner import run_step
from .table import STEPS, STUDY_STEPS, find_step
from .workspace import Workspace

__all__ = [
    "STEPS",
    "STUDY_STEPS",
    "Outcome",
    "Step",
    "StepContext",
    "Workspace",
    "find_step",
    "last_run_by_hand",
    "new_run_id",
    "run_step",
]
