"""Cross-entropy of ordered classes: at each class that an image came to, did it go on? (Shi et al. 2021, CORN)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vitrail.tasks.loss import Loss, LossInputs, TaskSpec

__all__ = ["LOSS", "thresholds_loss"]


def thresholds_loss(logits_bc: Tensor, labels_b: Tensor) -> Tensor:
    """Minus the log-probability of the label, summed over the images with a label.

    Output k says whether an image that came as far as class k goes on to k + 1; only outputs up to the label count.
    """
    logits_bc = logits_bc.float()
    levels_c = torch.arange(logits_bc.shape[1], device=logits_bc.device)
    is_passed_bc = levels_c < labels_b[:, None]
    is_reached_bc = levels_c <= labels_b[:, None]  # none for -1, the image without label
    cost_bc = F.binary_cross_entropy_with_logits(logits_bc, is_passed_bc.float(), reduction="none")
    return (cost_bc * is_reached_bc).sum()


def _compute(task: TaskSpec, inputs: LossInputs) -> Tensor:
    return thresholds_loss(inputs.output(), inputs.labels)


LOSS = Loss(kinds=("ordinal",), activation="thresholds", compute=_compute)
