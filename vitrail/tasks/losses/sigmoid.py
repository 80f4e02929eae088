"""Binary cross-entropy of every label by itself."""

import torch.nn.functional as F
from torch import Tensor

from vitrail.tasks.label_weights import weigh_labels
from vitrail.tasks.loss import NO_LABEL, Loss, LossInputs, TaskSpec

__all__ = ["LOSS", "sigmoid_loss"]


def sigmoid_loss(logits_bc: Tensor, labels_bk: Tensor, weights_bk: Tensor) -> Tensor:
    """Summed over labels and over images that have a label.

    `weights_bk` in [0, 1] are the soft positives: scores, 1 for every label, or less the more frequent a label is.
    """
    logits_bc = logits_bc.float()
    present_bk = labels_bk != NO_LABEL
    chosen_bk = logits_bc.gather(1, labels_bk.clamp_min(0))
    negatives_b = F.softplus(logits_bc).sum(dim=1) * present_bk.any(dim=1)
    return negatives_b.sum() - (weights_bk * present_bk * chosen_bk).sum()


def _compute(task: TaskSpec, inputs: LossInputs) -> Tensor:
    assert inputs.weights_bk is not None  # noqa: S101 - padded labels have them
    weights_bk = weigh_labels(inputs.labels, inputs.weights_bk, task.weighting, inputs.idf_c)
    return sigmoid_loss(inputs.output(), inputs.labels, weights_bk)


LOSS = Loss(kinds=("multilabel",), activation="sigmoid", compute=_compute)
