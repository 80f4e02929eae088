"""Classification: an image has one of the listed classes."""

from typing import TYPE_CHECKING

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec
from vitrail.errors import ModelError
from vitrail.tasks.kind import TaskKind

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["KIND"]


class Classification(TaskKind):
    """One linear output a class, softmax over them."""

    name = "classification"
    targets = "one"
    min_classes = 1
    activations = ("softmax",)
    loss = "cross_entropy"

    def head(self, task: TaskInfo, *, activation: str, embedding_dim: int) -> HeadSpec:
        """A head of its own, an output a class in the order of the task's classes."""
        return HeadSpec(
            name=task.name, kind=self.name, dim=len(task.classes), classes=task.classes, activation=activation
        )

    def check_head(self, spec: HeadSpec) -> None:
        """An output a class."""
        self._check_activation(spec)
        if spec.dim < 1 or (spec.classes and len(spec.classes) != spec.dim):
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} does not fit {len(spec.classes)} classes")

    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """Linear, zero at first: every class is as likely as any other."""
        from vitrail.tasks.heads import linear_head

        return linear_head(width, spec.dim)

    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """Softmax."""
        return logits_bc.float().softmax(dim=1)


KIND = Classification()
