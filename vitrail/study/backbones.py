"""Backbones that a study compares: the recipe's own, and a CNN of about the same cost at its image size."""

from vitrail.contracts.models import Architecture

__all__ = ["BACKBONES", "architecture_of"]

BACKBONES: dict[str, Architecture | None] = {
    "vit": None,  # the recipe's
    "cnn": Architecture(name="regnety_002"),
}


def architecture_of(backbone: str, own: Architecture) -> Architecture:
    """The trunk of a name; `own` is that of the recipe."""
    return BACKBONES[backbone] or own
