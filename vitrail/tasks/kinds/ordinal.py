"""Ordinal: an image has one of the listed classes, and their order means something (small, medium, large).

Shapes: B batch, K classes.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec
from vitrail.errors import ModelError
from vitrail.tasks.kind import TaskKind

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["KIND"]


class Ordinal(TaskKind):
    """One output a threshold: does an image that came as far as class k go on to the next one?

    K - 1 such conditional probabilities always make K probabilities that add up to 1 (Shi et al. 2021, CORN).
    """

    name = "ordinal"
    targets = "one"
    min_classes = 2
    is_ordered = True
    activations = ("thresholds",)
    loss = "thresholds"

    def head(self, task: TaskInfo, *, activation: str, embedding_dim: int) -> HeadSpec:
        """A head of its own, an output between each two neighbours of the task's classes."""
        return HeadSpec(
            name=task.name, kind=self.name, dim=len(task.classes) - 1, classes=task.classes, activation=activation
        )

    def check_head(self, spec: HeadSpec) -> None:
        """An output fewer than classes."""
        self._check_activation(spec)
        if spec.dim < 1 or len(spec.classes) != spec.dim + 1:
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} does not fit {len(spec.classes)} ordered classes")

    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """Linear, with biases that make every class as likely as any other at first."""
        import torch

        from vitrail.tasks.heads import linear_head

        head = linear_head(width, spec.dim)
        with torch.no_grad():
            # Of the K - k classes from the k-th on, K - 1 - k lie behind it.
            head.bias.copy_(torch.log(torch.arange(spec.dim, 0, -1, dtype=torch.float32)))
        return head

    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """Of stopping at each class [B, K]: all thresholds before it passed, its own not."""
        import torch
        import torch.nn.functional as F

        logits_bc = logits_bc.float()
        passed_bc = F.logsigmoid(logits_bc).cumsum(dim=1)
        start_b1 = torch.zeros_like(logits_bc[:, :1])
        reached_bk = torch.cat([start_b1, passed_bc], dim=1)
        stopped_bk = torch.cat([F.logsigmoid(-logits_bc), start_b1], dim=1)
        return (reached_bk + stopped_bk).exp()

    def summarise(self, spec: HeadSpec, probabilities_k: NDArray[np.float32]) -> dict[str, float]:
        """The expected level: 0 is the first class, K - 1 the last."""
        return {"expected_level": float(probabilities_k.astype(np.float64) @ np.arange(len(probabilities_k)))}


KIND = Ordinal()
