"""Retrieval: images with the same label match. All retrieval tasks share one embedding."""

from typing import TYPE_CHECKING

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec
from vitrail.errors import ModelError
from vitrail.tasks.kind import EMBEDDING, TaskKind

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["KIND"]


class Retrieval(TaskKind):
    """Unit vectors, trained towards a proxy for each label; labels are whatever the training images have."""

    name = "retrieval"
    targets = "one"
    min_classes = 0
    output = "embedding"
    loss = "proxies"

    def head(self, task: TaskInfo, *, activation: str, embedding_dim: int) -> HeadSpec:
        """The one embedding."""
        return HeadSpec(name=EMBEDDING, kind=self.name, dim=embedding_dim)

    def check_head(self, spec: HeadSpec) -> None:
        """An embedding that packs into bytes."""
        if spec.dim < 1 or spec.classes:
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} does not fit {len(spec.classes)} classes")
        if spec.dim % 8:
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} must be a multiple of 8 to pack into codes")

    def create_head(self, spec: HeadSpec, width: int) -> "nn.Module":
        """LayerNorm, Linear, unit length."""
        from vitrail.tasks.heads import EmbeddingHead

        return EmbeddingHead(width, spec.dim)

    def to_probabilities(self, spec: HeadSpec, logits_bc: "Tensor") -> "Tensor":
        """None to give.

        Raises:
            ModelError: Always.
        """
        raise ModelError(f"head {spec.name!r} embeds; it has no probabilities")

    def balance(self, power: float) -> float:
        """Always evenly over labels: a proxy learns from the images of its label alone."""
        return 1.0


KIND = Retrieval()
