"""Softmax cross-entropy of one class an image."""

import torch.nn.functional as F
from torch import Tensor

from vitrail.tasks.loss import NO_LABEL, Loss, LossInputs, TaskSpec

__all__ = ["LOSS", "cross_entropy"]


def cross_entropy(logits_bc: Tensor, labels_b: Tensor) -> Tensor:
    """Summed over the images with a label."""
    return F.cross_entropy(logits_bc.float(), labels_b, ignore_index=NO_LABEL, reduction="sum")


def _compute(task: TaskSpec, inputs: LossInputs) -> Tensor:
    return cross_entropy(inputs.output(), inputs.labels)


LOSS = Loss(kinds=("classification",), activation="softmax", compute=_compute)
