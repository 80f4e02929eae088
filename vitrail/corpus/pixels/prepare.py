"""Image bytes to the model's input: decoded, cropped and resampled without a copy in between.

Pillow decodes and PyTorch resamples: its antialiased bicubic filter for bytes gives Pillow's values to one grey
level in a quarter to a tenth of the time. Only for icons its overhead is larger than what it saves (docs/LOG.md).
"""

import math

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.dlpack import from_dlpack

from vitrail.contracts.models import Transforms
from vitrail.corpus.pixels.decode import fit_size, open_flat
from vitrail.corpus.pixels.limits import DEFAULT_LIMITS, ImageLimits

__all__ = ["prepare_crop", "prepare_image"]

_ICON_PIXELS = 1 << 14  # before and after resampling, together


def prepare_image(
    data: bytes, transforms: Transforms, limits: ImageLimits = DEFAULT_LIMITS, max_cpu_s: float = math.inf
) -> np.ndarray:
    """The model's input square for an image: uint8 [S, S, 3].

    The image is laid over the background, turned upright, resized to fit and centred on the background. A large
    JPEG is decoded at a reduced scale, no less than twice the wanted size.

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    return prepare_crop(data, transforms, transforms.image_size, limits=limits, max_cpu_s=max_cpu_s)


def prepare_crop(
    data: bytes,
    transforms: Transforms,
    side: int,
    left: int = 0,
    top: int = 0,
    limits: ImageLimits = DEFAULT_LIMITS,
    max_cpu_s: float = math.inf,
) -> np.ndarray:
    """A part of the input square that is `side` pixels wide, without resampling the rest.

    Args:
        data: The encoded image.
        transforms: As for `prepare_image`; the part is `image_size` pixels wide.
        side: Of the square that the whole image is fitted to.
        left: Where the part begins.
        top: Where the part begins.
        limits: What is refused.
        max_cpu_s: Processor time after which decoding is given up.

    Returns:
        uint8 [S, S, 3].

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    image = open_flat(data, transforms.background, limits, side, max_cpu_s)
    kept = transforms.image_size
    fitted = fit_size(image.size, side)
    (x, x_begin, x_end), (y, y_begin, y_end) = (
        _overlap(length, side, start, kept) for length, start in zip(fitted, (left, top), strict=True)
    )
    square = np.empty((kept, kept, 3), dtype=np.uint8)
    is_filled = x_end - x_begin == kept and y_end - y_begin == kept
    if not is_filled:
        square[...] = transforms.background
    if x_end > x_begin and y_end > y_begin:
        rows = _stretch(image.height / fitted[1], y_begin, y_end, image.height)
        columns = _stretch(image.width / fitted[0], x_begin, x_end, image.width)
        part = _resample(image, rows, columns, (y_end - y_begin, x_end - x_begin))
        if is_filled:
            return part
        square[y : y + len(part), x : x + part.shape[1]] = part
    return square


def _overlap(length: int, side: int, start: int, kept: int) -> tuple[int, int, int]:
    """Along one axis: where the image begins in the part, and which stretch of the image is in it."""
    margin = (side - length) // 2
    begin, end = max(start - margin, 0), min(start - margin + kept, length)
    return begin + margin - start, begin, end


def _stretch(scale: float, begin: int, end: int, length: int) -> slice:
    """The pixels of the decoded image that lie nearest to a stretch of the fitted one; at least one."""
    first = min(round(begin * scale), length - 1)
    return slice(first, max(round(end * scale), first + 1))


def _resample(image: Image.Image, rows: slice, columns: slice, size: tuple[int, int]) -> np.ndarray:
    """A part of the image at another size (height, width)."""
    num_pixels = (rows.stop - rows.start) * (columns.stop - columns.start) + size[0] * size[1]
    if num_pixels < _ICON_PIXELS:
        box = (columns.start, rows.start, columns.stop, rows.stop)
        return np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC, box))
    part = _pixels(image)[rows, columns].permute(2, 0, 1)[None]
    resized = F.interpolate(part, size=size, mode="bicubic", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()[..., :3]


def _pixels(image: Image.Image) -> Tensor:
    """uint8 [H, W, 4 or 3], the memory of the image itself where it is in one piece."""
    try:
        return from_dlpack(pa.array(image).values).view(image.height, image.width, 4)
    except ValueError:  # more than about 16 MB
        return torch.from_numpy(np.array(image))
