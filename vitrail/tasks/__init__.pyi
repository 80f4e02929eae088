from .objective import Objective, TaskSpec, has_label

__all__ = ["Objective", "TaskSpec", "has_label"]
