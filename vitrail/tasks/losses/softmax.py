"""Softmax cross-entropy against a distribution over labels, all of them or a sample (Mahajan et al. 2018)."""

import torch
from torch import Tensor

from vitrail.tasks.heads import CosineHead, LinearHead
from vitrail.tasks.label_weights import weigh_labels
from vitrail.tasks.loss import NO_LABEL, Loss, LossInputs, TaskSpec

__all__ = [
    "LOSS",
    "distribution_loss",
    "normalise_targets",
    "sampled_softmax_loss",
    "softmax_loss",
]


def normalise_targets(weights_bk: Tensor) -> Tensor:
    """Target distribution [B, K]: each image's label weights sum to 1, or are all 0 without labels."""
    return weights_bk / weights_bk.sum(dim=1, keepdim=True).clamp_min(torch.finfo(weights_bk.dtype).tiny)


def softmax_loss(logits_bc: Tensor, labels_bk: Tensor, targets_bk: Tensor) -> Tensor:
    """Against the distribution `targets_bk` over `labels_bk`, summed over images."""
    log_total_b = torch.logsumexp(logits_bc.float(), dim=1)
    chosen_bk = logits_bc.float().gather(1, labels_bk.clamp_min(0))
    # sum_k t_k (log Z - z_k): images without labels have no weight anywhere and drop out.
    return (targets_bk * (log_total_b[:, None] - chosen_bk)).sum()


def sampled_softmax_loss(
    logits_bn: Tensor, correction_n: Tensor, candidates_n: Tensor, labels_bk: Tensor, targets_bk: Tensor
) -> Tensor:
    """As `softmax_loss`, over the logits of `sample_candidates` only."""
    positions_bk = torch.searchsorted(candidates_n, labels_bk.clamp_min(0)).clamp_max(len(candidates_n) - 1)
    positions_bk = torch.where(labels_bk == NO_LABEL, labels_bk, positions_bk)
    return softmax_loss(logits_bn.float() + correction_n, positions_bk, targets_bk)


def distribution_loss(task: TaskSpec, inputs: LossInputs) -> Tensor:
    """The loss of labels that share an image's target: over all labels, or over those of the batch and a sample."""
    assert inputs.weights_bk is not None  # noqa: S101 - padded labels have them
    targets_bk = normalise_targets(weigh_labels(inputs.labels, inputs.weights_bk, task.weighting, inputs.idf_c))
    if not task.num_sampled:
        return softmax_loss(inputs.output(), inputs.labels, targets_bk)
    candidates_n, correction_n = inputs.candidates_n, inputs.correction_n
    assert candidates_n is not None and correction_n is not None  # noqa: S101, PT018 - `Objective.draw`
    assert isinstance(inputs.head, LinearHead | CosineHead)  # noqa: S101 - heads over labels are
    logits_bn = inputs.head.select(inputs.features_bw, candidates_n)
    return sampled_softmax_loss(logits_bn, correction_n, candidates_n, inputs.labels, targets_bk)


LOSS = Loss(kinds=("multilabel",), activation="softmax", compute=distribution_loss)
