"""Heads on pooled features that task kinds build on.

Shapes: B batch, W trunk width, D embedding width.
"""

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["EmbeddingHead", "linear_head"]


class EmbeddingHead(nn.Module):
    """LayerNorm without affine, Linear without bias, L2 (Zhai & Wu 2019, section 3)."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.projection = nn.Linear(width, dim, bias=False)

    def forward(self, features_bw: Tensor) -> Tensor:
        """Unit vectors [B, D] in float32."""
        return F.normalize(self.projection(self.norm(features_bw)).float(), dim=1)


def linear_head(width: int, dim: int, *, bias: float = 0.0) -> nn.Linear:
    """Linear with zero weights, so that at first every image gets the bias."""
    head = nn.Linear(width, dim)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, bias)
    return head
