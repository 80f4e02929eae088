"""Augmentation: data in the recipe, and a pure function of (seed, epoch, image).

Crops are planned before decoding, so that each image is resampled once; colours are one affine map of the
channels an image, applied to the whole batch.
"""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitrail.config import Config, require
from vitrail.contracts.models import Transforms
from vitrail.corpus.order import hash_uint64

__all__ = [
    "LIGHT",
    "NONE",
    "NUM_CHANCES",
    "Augmentation",
    "CropPlan",
    "adjust_batch",
    "draw_chances",
    "plan_crops",
]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_FLIP, _SCALE, _LEFT, _TOP, _BRIGHTNESS, _CONTRAST, _SATURATION, _GREY, NUM_CHANCES = range(9)


@dataclass(frozen=True, kw_only=True)
class Augmentation(Config):
    """Random changes to a training image; the defaults change nothing."""

    flip: float = 0.0  # probability of a mirrored image
    crop_scale: tuple[float, float] = (1.0, 1.0)  # smallest and largest share of the square's area to keep
    brightness: float = 0.0  # the factor is drawn from 1 - x to 1 + x; likewise below
    contrast: float = 0.0
    saturation: float = 0.0
    grey: float = 0.0  # probability of an image without colour

    def __post_init__(self) -> None:
        for name in ("flip", "grey", "brightness", "contrast", "saturation"):
            value = getattr(self, name)
            require(0 <= value <= 1, name, value, "give a number from 0 to 1")
        low, high = self.crop_scale
        require(0 < low <= high <= 1, "crop_scale", self.crop_scale, "give 0 < smallest <= largest <= 1")

    @property
    def has_colour(self) -> bool:
        """Whether colours are changed at all."""
        return max(self.brightness, self.contrast, self.saturation, self.grey) > 0


NONE = Augmentation()
LIGHT = Augmentation(flip=0.5, crop_scale=(0.6, 1.0), brightness=0.2, contrast=0.2, saturation=0.2)


class CropPlan(NamedTuple):
    """For each image: the side to fit it to, and where the square that is kept begins; int64 [B] each."""

    sides: np.ndarray
    lefts: np.ndarray
    tops: np.ndarray

    def fit(self, item: int, transforms: Transforms) -> Transforms:
        """The transforms that decode image `item` at the side it is cropped from."""
        return dataclasses.replace(transforms, image_size=int(self.sides[item]))

    def cut(self, item: int, pixels: np.ndarray, side: int) -> np.ndarray:
        """The square of `side` pixels that is kept of image `item`: [side, side, 3]."""
        top, left = int(self.tops[item]), int(self.lefts[item])
        return pixels[top : top + side, left : left + side]


def draw_chances(key: int, *values: np.ndarray) -> np.ndarray:
    """float64 [B, NUM_CHANCES] in [0, 1), a pure function of the key and the values."""
    columns = [value[:, None] for value in values]
    bits = hash_uint64(key, *columns, np.arange(NUM_CHANCES)[None, :])
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def plan_crops(augmentation: Augmentation, chances: np.ndarray, image_size: int) -> CropPlan:
    """Where to crop. The kept square has `image_size` pixels, so images are fitted to a larger one first."""
    low, high = augmentation.crop_scale
    share = np.sqrt(low + (high - low) * chances[:, _SCALE])
    sides = np.rint(image_size / share).astype(np.int64)
    spare = sides - image_size + 1
    lefts, tops = (chances[:, [_LEFT, _TOP]] * spare[:, None]).astype(np.int64).T
    return CropPlan(sides, lefts, tops)


def adjust_batch(augmentation: Augmentation, chances: np.ndarray, images: Tensor) -> Tensor:
    """Flips and recolours uint8 [B, 3, S, S].

    Saturation, contrast and brightness compose to one matrix and offset an image (values are clipped once,
    at the end): one batched product instead of a chain of passes.
    """
    if augmentation.flip > 0:
        is_flipped = torch.from_numpy(chances[:, _FLIP] < augmentation.flip)
        images[is_flipped] = images[is_flipped].flip(-1)
    return _recolour(augmentation, chances, images) if augmentation.has_colour else images


def _recolour(augmentation: Augmentation, chances: np.ndarray, images: Tensor) -> Tensor:
    brightness_b = _factors(chances[:, _BRIGHTNESS], augmentation.brightness)
    contrast_b = _factors(chances[:, _CONTRAST], augmentation.contrast)
    saturation_b = _factors(chances[:, _SATURATION], augmentation.saturation)
    saturation_b[torch.from_numpy(chances[:, _GREY] < augmentation.grey)] = 0.0
    luma = torch.tensor(_LUMA)
    pixels = images.flatten(2).float()
    mean_b = pixels.mean(dim=2) @ luma
    gain_b = (brightness_b * contrast_b)[:, None, None]
    mix = saturation_b[:, None, None]
    matrix = gain_b * (mix * torch.eye(3) + (1 - mix) * luma.expand(3, 3))
    offset_b = brightness_b * (1 - contrast_b) * mean_b
    changed = torch.baddbmm(offset_b[:, None, None], matrix, pixels)
    return changed.add_(0.5).clamp_(0, 255).to(torch.uint8).view_as(images)


def _factors(chances: np.ndarray, strength: float) -> Tensor:
    return torch.from_numpy(1 + strength * (2 * chances - 1)).float()
