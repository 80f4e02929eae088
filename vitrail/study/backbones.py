"""Backbones that a study compares: the recipe's own, and a CNN of about the same cost.

At 64 pixels MobileNetV3-Large takes 41 million operations an image and LeViT-128S, the small recipes' trunk, 43. On a
CPU it trains three times as long all the same, by its many depthwise convolutions.
"""

from vitrail.contracts.models import Architecture

__all__ = ["BACKBONES", "architecture_of"]

BACKBONES: dict[str, Architecture | None] = {
    "vit": None,  # the recipe's
    "cnn": Architecture(name="mobilenetv3_large_100"),
}


def architecture_of(backbone: str, own: Architecture) -> Architecture:
    """The trunk of a name; `own` is that of the recipe."""
    return BACKBONES[backbone] or own
