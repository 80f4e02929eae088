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
    "sample_candidates",
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


def sample_candidates(labels: Tensor, num_classes: int, num_sampled: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draws classes that stand in for all of them in a softmax.

    Args:
        labels: Classes that must be among the candidates, any shape; -1 is ignored.
        num_classes: How many classes there are.
        num_sampled: How many others to draw, uniformly and without replacement.
        seed: Decides the draw.

    Returns:
        The candidates, sorted int64 [N], and what to add to their logits, float32 [N]: others stand for all
        classes that were not drawn, so that the partition function stays unbiased.
    """
    kept = torch.unique(labels[labels != NO_LABEL])
    others = num_classes - len(kept)
    num_sampled = min(num_sampled, others)
    generator = torch.Generator().manual_seed(seed)
    # Positions among the classes that are not kept: over-draw, drop repeats, take the first in drawn order.
    drawn = _draw_distinct(others, num_sampled, generator).to(kept.device)
    # The i-th class that is not kept is i plus the number of kept classes at or before it.
    gaps = kept - torch.arange(len(kept), device=kept.device)
    drawn = drawn + torch.searchsorted(gaps, drawn, right=True)
    candidates, order = torch.cat([kept, drawn]).sort()
    correction = torch.zeros(len(candidates), device=kept.device)
    if num_sampled:
        correction[len(kept) :] = torch.log(torch.tensor(others / num_sampled))
    return candidates, correction[order]


def _draw_distinct(population: int, count: int, generator: torch.Generator) -> Tensor:
    if count * 4 > population:
        return torch.randperm(population, generator=generator)[:count]
    drawn = torch.empty(0, dtype=torch.int64)
    while len(drawn) < count:
        more = torch.randint(population, (count,), generator=generator)
        drawn = torch.unique(torch.cat([drawn, more]))
    return drawn[torch.randperm(len(drawn), generator=generator)[:count]]


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
    candidates_n, correction_n = sample_candidates(inputs.labels, task.num_classes, task.num_sampled, inputs.seed)
    assert isinstance(inputs.head, LinearHead | CosineHead)  # noqa: S101 - heads over labels are
    logits_bn = inputs.head.select(inputs.features_bw, candidates_n)
    return sampled_softmax_loss(logits_bn, correction_n, candidates_n, inputs.labels, targets_bk)


LOSS = Loss(kinds=("multilabel",), activation="softmax", compute=distribution_loss)
