from .find_kind import find_kind, find_problem, kind_names
from .find_loss import find_loss, loss_names
from .kind import EMBEDDING, TaskKind
from .loss import Loss, LossInputs, TaskSpec

__all__ = [
    "EMBEDDING",
    "Loss",
    "LossInputs",
    "TaskKind",
    "TaskSpec",
    "find_kind",
    "find_loss",
    "find_problem",
    "kind_names",
    "loss_names",
]
