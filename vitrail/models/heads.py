"""Heads on pooled features: logits over weak labels, logits over classes, one retrieval embedding.

Shapes: B batch, W trunk width, D embedding width, C outputs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vitrail.contracts.models import HeadSpec
from vitrail.errors import ModelError

__all__ = ["RetrievalHead", "create_head", "to_probabilities"]

SIGMOID_BIAS = -10.0  # nearly no label holds for an image: starts the sigmoid loss there (big_vision)


class RetrievalHead(nn.Module):
    """LayerNorm without affine, Linear without bias, L2 (Zhai & Wu 2019, section 3)."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.projection = nn.Linear(width, dim, bias=False)

    def forward(self, features_bw: Tensor) -> Tensor:
        """Unit vectors [B, D] in float32."""
        return F.normalize(self.projection(self.norm(features_bw)).float(), dim=1)


def create_head(spec: HeadSpec, width: int) -> nn.Module:
    """Builds the head for `spec` on `width` features.

    Raises:
        ModelError: The head has no outputs, or an embedding cannot be packed into bytes.
    """
    if spec.dim < 1 or (spec.classes and len(spec.classes) != spec.dim):
        raise ModelError(f"head {spec.name!r}: dim={spec.dim} does not fit {len(spec.classes)} classes")
    if spec.kind == "retrieval":
        if spec.dim % 8:
            raise ModelError(f"head {spec.name!r}: dim={spec.dim} must be a multiple of 8 to pack into codes")
        return RetrievalHead(width, spec.dim)
    head = nn.Linear(width, spec.dim)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, SIGMOID_BIAS if spec.activation == "sigmoid" else 0.0)
    return head


def to_probabilities(spec: HeadSpec, logits_bc: Tensor) -> Tensor:
    """Probabilities [B, C] of a multilabel or classification head."""
    logits_bc = logits_bc.float()
    return logits_bc.sigmoid() if spec.activation == "sigmoid" else torch.softmax(logits_bc, dim=1)
