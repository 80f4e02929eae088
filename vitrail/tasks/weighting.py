"""How the labels of an image share its target."""

from typing import Literal

__all__ = ["TargetWeighting"]

TargetWeighting = Literal["score", "uniform"]  # by score, or 1/k for each of k labels
