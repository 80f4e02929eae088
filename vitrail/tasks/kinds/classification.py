"""Classification: an image has one of the listed classes."""

from typing import TYPE_CHECKING

from vitrail.contracts.models import HeadSpec
from vitrail.tasks.kind import OutputPerClass

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["KIND"]


class Classification(OutputPerClass):
    """One linear output a class, softmax over them."""

    name = "classification"
    targets = "one"
    min_classes = 1
    activations = ("softmax",)
    loss = "cross_entropy"

    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """Linear, zero at first: every class is as likely as any other."""
        from vitrail.tasks.heads import linear_head

        return linear_head(width, spec.dim)

    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """Softmax."""
        return logits_bc.float().softmax(dim=1)


KIND = Classification()
