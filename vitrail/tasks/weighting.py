"""How the labels of an image share its target."""

from typing import Literal

__all__ = ["TargetWeighting"]

# By score, 1/k for each of k labels, or by how rare a label is in the whole corpus (`vitrail.tasks.label_weights`).
TargetWeighting = Literal["score", "uniform", "idf"]
