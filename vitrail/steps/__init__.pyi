from .context import Outcome, StepContext
from .declaration import Step
from .run_ids import last_run_by_hand, new_run_id
from .runner import run_step
from .table import STEPS
from .workspace import Workspace

__all__ = [
    "STEPS",
    "Outcome",
    "Step",
    "StepContext",
    "Workspace",
    "last_run_by_hand",
    "new_run_id",
    "run_step",
]
