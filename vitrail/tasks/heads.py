"""Heads on pooled features that task kinds build on.

Shapes: B batch, W trunk width, D embedding width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["CosineHead", "EmbeddingHead", "LinearHead", "linear_head"]

_TEMPERATURE = 0.05
_ROTATION = 0  # a seed; any does


class EmbeddingHead(nn.Module):
    """LayerNorm without affine, Linear without bias, L2 (Zhai & Wu 2019, section 3)."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.projection = nn.Linear(width, dim, bias=False)

    def forward(self, features_bw: Tensor) -> Tensor:
        """Unit vectors [B, D] in float32."""
        return F.normalize(self.projection(self.norm(features_bw)).float(), dim=1)

    @torch.no_grad()
    def rotate(self) -> None:
        """Rotates the embedding at random, for its codes: cosines stay, but no value tells more than another.

        Training leaves most of what distinguishes images to few of the D values, whose signs are then few bits (random
        rotation before binarisation: Gong & Lazebnik 2011, section 2).
        """
        dim = self.projection.out_features
        rotation_dd = nn.init.orthogonal_(torch.empty(dim, dim), generator=torch.Generator().manual_seed(_ROTATION))
        self.projection.weight.copy_(rotation_dd @ self.projection.weight)


class LinearHead(nn.Linear):
    """Linear, of all outputs or of some."""

    def select(self, features_bw: Tensor, outputs_n: Tensor) -> Tensor:
        """The logits [B, N] of these outputs alone."""
        return F.linear(features_bw, self.weight[outputs_n], self.bias[outputs_n])


class CosineHead(nn.Module):
    """Cosine of the features, after LayerNorm without affine, and one direction an output, over a temperature.

    That an output is frequent cannot be learnt as the length of its vector, nor can an image be made easy by long
    features (Zhai & Wu 2019, section 3, there for one class an image). It is told instead, as the logarithm of the
    output's prior (Menon et al. 2021): otherwise the features of all images first turn to where frequent outputs are.

    Attributes:
        log_prior: What is added to the logits; 0 until `tell_prior`.
    """

    log_prior: Tensor

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(dim, width).uniform_(-bound, bound))
        self.register_buffer("log_prior", torch.zeros(dim))

    def tell_prior(self, prior_c: Tensor) -> None:
        """Takes the share [C], above 0, that each output has of all targets."""
        self.log_prior.copy_(prior_c.log())

    def forward(self, features_bw: Tensor) -> Tensor:
        """Logits [B, C] in float32."""
        return _cosines(features_bw, self.weight) + self.log_prior

    def select(self, features_bw: Tensor, outputs_n: Tensor) -> Tensor:
        """The logits [B, N] of these outputs alone."""
        return _cosines(features_bw, self.weight[outputs_n]) + self.log_prior[outputs_n]


def _cosines(features_bw: Tensor, weight_nw: Tensor) -> Tensor:
    features_bw = F.normalize(F.layer_norm(features_bw.float(), features_bw.shape[-1:]), dim=1)
    return features_bw @ F.normalize(weight_nw.float(), dim=1).T / _TEMPERATURE


def linear_head(width: int, dim: int, *, bias: float = 0.0) -> LinearHead:
    """Linear with zero weights, so that at first every image gets the bias."""
    head = LinearHead(width, dim)
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, bias)
    return head
