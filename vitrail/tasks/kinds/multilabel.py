"""Multi-label: an image has any number of the listed labels.

A task's own labels come from people, weak labels from texts: the head of those has the vocabulary's stable ids
(`HeadSpec.label_ids`), thousands of outputs, and for each image the few best of them are answered.
"""

from typing import TYPE_CHECKING

from vitrail.contracts.models import HeadSpec
from vitrail.tasks.kind import OutputPerClass

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["KIND"]

_RARE_BIAS = -10.0  # nearly no weak label holds for an image: starts the sigmoid loss there (big_vision)


class Multilabel(OutputPerClass):
    """One output a label."""

    name = "multilabel"
    targets = "many"
    min_classes = 1
    activations = ("sigmoid", "softmax", "cosine")
    loss = "sigmoid"

    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """Linear or cosine; sigmoids over a vocabulary start where nearly nothing holds."""
        from vitrail.tasks.heads import CosineHead, linear_head

        if spec.activation == "cosine":
            return CosineHead(width, spec.dim)
        is_vocabulary = bool(spec.label_ids) and spec.activation == "sigmoid"
        return linear_head(width, spec.dim, bias=_RARE_BIAS if is_vocabulary else 0.0)

    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """Of each label alone (sigmoid), or shared out over all of them (softmax, cosine)."""
        logits_bc = logits_bc.float()
        return logits_bc.sigmoid() if spec.activation == "sigmoid" else logits_bc.softmax(dim=1)


KIND = Multilabel()
