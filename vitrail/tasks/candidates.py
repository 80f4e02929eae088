"""Labels that stand in for all of them in a softmax: drawn on the host, where the labels of a batch are known.

So the device waits for no count of distinct labels, and what it computes has one shape whatever a batch holds.
"""

import torch
from torch import Tensor

from vitrail.tasks.loss import NO_LABEL

__all__ = ["CANDIDATES", "CORRECTION", "sample_candidates"]

CANDIDATES, CORRECTION = "/candidates", "/correction"  # after the task's name, beside its targets


def sample_candidates(labels: Tensor, num_classes: int, num_sampled: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draws classes that stand in for all of them in a softmax.

    Args:
        labels: Classes that must be among the candidates, any shape, on the CPU; -1 is ignored.
        num_classes: How many classes there are.
        num_sampled: How many others to draw, uniformly and without replacement.
        seed: Decides the draw.

    Returns:
        The candidates, sorted int64 [N], and what to add to their logits, float32 [N]: others stand for all
        classes that were not drawn, so that the partition function stays unbiased. N depends on the shape of the
        labels alone; where fewer are needed, the last class fills up, with minus infinity to add.
    """
    kept = torch.unique(labels[labels != NO_LABEL])
    others = num_classes - len(kept)
    num_drawn = min(num_sampled, others)
    generator = torch.Generator().manual_seed(seed)
    # Positions among the classes that are not kept: over-draw, drop repeats, take the first in drawn order.
    drawn = _draw_distinct(others, num_drawn, generator)
    # The i-th class that is not kept is i plus the number of kept classes at or before it.
    gaps = kept - torch.arange(len(kept))
    drawn = drawn + torch.searchsorted(gaps, drawn, right=True)
    found, order = torch.cat([kept, drawn]).sort()
    size = min(labels.numel(), num_classes) + num_sampled
    candidates = torch.full((size,), num_classes - 1)
    correction = torch.full((size,), -torch.inf)
    candidates[: len(found)] = found
    own = torch.zeros(len(found))
    if num_drawn:
        own[len(kept) :] = torch.log(torch.tensor(others / num_drawn))
    correction[: len(found)] = own[order]
    return candidates, correction


def _draw_distinct(population: int, count: int, generator: torch.Generator) -> Tensor:
    if count * 4 > population:
        return torch.randperm(population, generator=generator)[:count]
    drawn = torch.empty(0, dtype=torch.int64)
    while len(drawn) < count:
        more = torch.randint(population, (count,), generator=generator)
        drawn = torch.unique(torch.cat([drawn, more]))
    return drawn[torch.randperm(len(drawn), generator=generator)[:count]]
