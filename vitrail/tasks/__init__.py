"""Tasks: what a model is trained for, as losses on its heads."""

from vitrail.tasks.objective import Objective, TaskSpec, has_label

__all__ = ["Objective", "TaskSpec", "has_label"]
