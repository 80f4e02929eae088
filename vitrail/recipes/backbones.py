"""The other backbones of the comparison, at the scale of the paper: same labels, images and augmentation.

Command: `vitrail plan --recipe resnext101_1b`; `vitrail compile --recipe resnext101_1b --out vitrail.yaml`.
ViT-B/16 and ResNeXt-101 32x8d are the fair pair (17.6 and 16.5 GMAC at 224 px, 86 and 89 million parameters);
ViT-B/32 is the cheap one. Rates follow ViT pretraining on JFT (Dosovitskiy et al. 2021, table 3).
"""

import dataclasses

from vitrail.contracts.models import Architecture
from vitrail.recipes.recipe import Recipe
from vitrail.recipes.vit_b16_1b import vit_b16_1b
from vitrail.registry import RegistryConfig

__all__ = ["resnext101_1b", "vit_b32_1b", "vit_l16_1b"]


def vit_b32_1b() -> Recipe:
    """ViT-B/32: a quarter of the computation of ViT-B/16."""
    return _with_trunk("vit_b32_1b", "vit_base_patch32_224", "vitrail-vit-b32")


def vit_l16_1b() -> Recipe:
    """ViT-L/16: 304 million parameters."""
    return _with_trunk("vit_l16_1b", "vit_large_patch16_224", "vitrail-vit-l16", learning_rate=4e-4)


def resnext101_1b() -> Recipe:
    """ResNeXt-101 32x8d: the CNN that a ViT-B/16 is compared with."""
    return _with_trunk("resnext101_1b", "resnext101_32x8d", "vitrail-resnext101")


def _with_trunk(name: str, trunk: str, registered: str, learning_rate: float = 8e-4) -> Recipe:
    base = vit_b16_1b()
    pretrain = dataclasses.replace(
        base.pretrain,
        architecture=Architecture(name=trunk),
        optimizer=dataclasses.replace(base.pretrain.optimizer, learning_rate=learning_rate),
    )
    return dataclasses.replace(base, name=name, pretrain=pretrain, registry=RegistryConfig(name=registered))
