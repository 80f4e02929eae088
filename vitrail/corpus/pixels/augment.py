"""Augmentation: data in the recipe, and a pure function of (seed, epoch, image).

What happens to each image of a batch is planned before decoding. A crop then costs no more than the pixels it
keeps, mirroring is part of the copy into the batch, and saturation, contrast and brightness compose to one
product and one added plane an image, applied while the image is in the processor's cache (a whole batch of
224 pixel images at a time took four times as long).
"""

from dataclasses import dataclass

import numpy as np

from vitrail.config import Config, require
from vitrail.corpus.hashing import hash_uint64

__all__ = ["LIGHT", "NONE", "NUM_CHANCES", "Augmentation", "Changes", "draw_chances"]

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601
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


def draw_chances(key: int, *values: np.ndarray) -> np.ndarray:
    """float64 [B, NUM_CHANCES] in [0, 1), a pure function of the key and the values."""
    columns = [value[:, None] for value in values]
    bits = hash_uint64(key, *columns, np.arange(NUM_CHANCES)[None, :])
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Changes:
    """What is done to each image of a batch: `sides`, `lefts` and `tops` say which part of it to keep.

    The kept square has `image_size` pixels; the whole image is fitted to a square of `sides` pixels, and the
    part begins at (`lefts`, `tops`) of it. Each is a list of B integers.
    """

    def __init__(self, augmentation: Augmentation, chances: np.ndarray, image_size: int) -> None:
        """Plans the changes to a batch from its `draw_chances`."""
        low, high = augmentation.crop_scale
        sides = np.rint(image_size / np.sqrt(low + (high - low) * chances[:, _SCALE])).astype(np.int64)
        corners = (chances[:, [_LEFT, _TOP]] * (sides - image_size + 1)[:, None]).astype(np.int64)
        self.sides: list[int] = sides.tolist()
        self.lefts: list[int] = corners[:, 0].tolist()
        self.tops: list[int] = corners[:, 1].tolist()
        self._is_mirrored: list[bool] = (chances[:, _FLIP] < augmentation.flip).tolist()
        self._recolour = _Recolouring(augmentation, chances, image_size) if augmentation.has_colour else None

    def write(self, item: int, part: np.ndarray, image: np.ndarray) -> None:
        """Mirrors and recolours the kept `part`, uint8 [S, S, 3], into `image`, uint8 [3, S, S]."""
        if self._is_mirrored[item]:
            part = part[:, ::-1]
        for channel in range(3):  # three strided copies are faster than one transposed
            image[channel] = part[:, :, channel]
        if self._recolour is not None:
            self._recolour.apply(item, image)


class _Recolouring:
    """Saturation s, contrast c and brightness b, in this order, with values clipped once at the end.

    A pixel x of grey value g in an image of mean grey m becomes b (c (s x + (1 - s) g) + (1 - c) m):
    a product with x and a plane of greys to add.
    """

    def __init__(self, augmentation: Augmentation, chances: np.ndarray, image_size: int) -> None:
        brightness = 1 + augmentation.brightness * (2 * chances[:, _BRIGHTNESS] - 1)
        contrast = 1 + augmentation.contrast * (2 * chances[:, _CONTRAST] - 1)
        saturation = 1 + augmentation.saturation * (2 * chances[:, _SATURATION] - 1)
        saturation[chances[:, _GREY] < augmentation.grey] = 0.0
        gain = brightness * contrast
        self._of_pixel: list[float] = (gain * saturation).tolist()
        self._of_grey: list[float] = (gain * (1 - saturation)).tolist()
        self._of_mean: list[float] = (brightness - gain).tolist()
        self._values = np.empty((3, image_size * image_size), dtype=np.float32)

    def apply(self, item: int, image: np.ndarray) -> None:
        flat, values = image.reshape(3, -1), self._values
        values[...] = flat
        grey = _LUMA @ values
        mean = float(np.add.reduce(grey)) / grey.size  # without the overhead of ndarray.mean
        grey *= self._of_grey[item]
        grey += self._of_mean[item] * mean + 0.5  # conversion to integers cuts off
        values *= self._of_pixel[item]
        values += grey
        np.clip(values, 0, 255, out=values)  # seven times as fast as maximum and minimum with a scalar
        np.copyto(flat, values, casting="unsafe")
