"""What steps leave on the device until somebody asks: losses, norms of gradients, and whether all were finite.

Shapes: T tasks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vitrail.corpus.reader.assembly import Batch

__all__ = ["Reading", "Readings"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one step came to.

    Attributes:
        step: 0-based.
        losses: By task, over all processes.
        grad_norm: Before clipping.
        is_own_finite: Whether the losses of this process's images are finite.
        described: The images of this process, without pixels.
    """

    step: int
    losses: dict[str, float]
    grad_norm: float
    is_own_finite: bool
    described: Sequence[Batch]

    @property
    def is_finite(self) -> bool:
        """Whether the weights may learn from this step."""
        return all(map(math.isfinite, [*self.losses.values(), self.grad_norm]))


class Readings:
    """Keeps the results of steps on the device, so that nobody waits for them, and reads them together.

    Attributes:
        is_bad: 1 on the device, and for good, from the first step on whose loss or gradient is not finite; else 0.
    """

    def __init__(self, tasks: Sequence[str], device: torch.device) -> None:
        self._tasks = tasks
        self._kept: list[tuple[int, Sequence[Batch], Tensor]] = []
        self.is_bad = torch.zeros((), device=device)

    def add(self, step: int, described: Sequence[Batch], total_t: Tensor, own_t: Tensor, norm: Tensor) -> None:
        """Keeps what a step came to: losses [T] of all processes and of this one, and the norm of the gradient."""
        seen = torch.cat([total_t, norm.reshape(1)])
        is_finite = torch.isfinite(seen).all()
        self.is_bad.copy_(torch.where(is_finite, self.is_bad, 1.0))
        self._kept.append((step, described, torch.cat([seen, own_t])))

    def read(self) -> list[Reading]:
        """All that was kept since the last call; waits for the device."""
        if not self._kept:
            return []
        rows = torch.stack([row for *_, row in self._kept]).tolist()
        found = [
            self._reading(step, described, row) for (step, described, _), row in zip(self._kept, rows, strict=True)
        ]
        self._kept.clear()
        return found

    def _reading(self, step: int, described: Sequence[Batch], row: Sequence[float]) -> Reading:
        num_tasks = len(self._tasks)
        return Reading(
            step=step,
            losses=dict(zip(self._tasks, row[:num_tasks], strict=True)),
            grad_norm=row[num_tasks],
            is_own_finite=all(map(math.isfinite, row[num_tasks + 1 :])),
            described=described,
        )
