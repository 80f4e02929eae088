"""Image bytes to pixels: limits are checked on the header, before any pixel is decoded.

The header is read by hand, so that a decompression bomb is refused with its size; Pillow's own guard stays
switched on behind it.
"""

import io
import math

import numpy as np
from PIL import Image

from vitrail.corpus.pixels import png
from vitrail.corpus.pixels.deadline import DECODER_BLOCK_BYTES, DecodingTooLongError, TimedBytes
from vitrail.corpus.pixels.flatten import flatten
from vitrail.corpus.pixels.limits import DEFAULT_LIMITS, ImageLimits
from vitrail.corpus.pixels.orientation import read_orientation, turn_upright
from vitrail.corpus.pixels.probe import FORMATS, ImageInfo, probe_image
from vitrail.errors import CorpusError

__all__ = ["decode_image", "draw_thumbnail", "fit_size", "fit_square", "open_flat"]

_SHRINK_GAP = 2  # images are reduced to no less than twice the wanted size; the filter does the rest
_WHITE = (255, 255, 255)


def decode_image(
    data: bytes,
    background: tuple[int, int, int] = _WHITE,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Pixels of an image, upright, transparent ones laid over `background`: uint8 [H, W, 3].

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    return np.asarray(open_flat(data, background, limits, None))


def draw_thumbnail(data: bytes, size: int, limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """A picture of an image for people, on a white square: uint8 [size, size, 3].

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    return np.asarray(fit_square(data, size, limits))


def fit_square(data: bytes, size: int, limits: ImageLimits) -> Image.Image:
    """As `draw_thumbnail`, in RGB as Pillow holds it."""
    image = open_flat(data, _WHITE, limits, size)
    fitted = fit_size(image.size, size)
    part = image.resize(fitted, Image.Resampling.BICUBIC, reducing_gap=_SHRINK_GAP)
    if fitted == (size, size):
        return part
    square = Image.new("RGB", (size, size), _WHITE)
    square.paste(part, ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return square


def fit_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of an image fitted into a square."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def open_flat(
    data: bytes,
    background: tuple[int, int, int],
    limits: ImageLimits,
    side: int | None,
    max_cpu_s: float = math.inf,
) -> Image.Image:
    """A decoded RGB image, upright, over `background`; a JPEG no larger than is needed to fit `side`, or whole.

    Of the metadata only the orientation is read: where Pillow stumbles over any of the rest, the same picture is
    decoded without them. Decoding ends after `max_cpu_s` seconds of this thread's processor time (WebP: when done).

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    info = probe_image(data, limits)
    try:
        return _decode(data, data, info, background, side, max_cpu_s)
    except (MemoryError, DecodingTooLongError):
        raise
    except Exception:  # Pillow's readers of metadata raise whatever Python does
        try:
            return _decode(FORMATS[info.format].without_metadata(data), data, info, background, side, max_cpu_s)
        except (MemoryError, DecodingTooLongError):
            raise
        except Exception as error:
            raise CorpusError(f"the {info.format} image cannot be decoded: {error}") from error


def _decode(
    pixels: bytes,
    original: bytes,
    info: ImageInfo,
    background: tuple[int, int, int],
    side: int | None,
    max_cpu_s: float,
) -> Image.Image:
    """Decodes `pixels`, the original or its copy without metadata, and turns it as the original says."""
    is_bounded = max_cpu_s < math.inf
    stream = TimedBytes(pixels, max_cpu_s) if is_bounded else io.BytesIO(pixels)
    opened = Image.open(stream, formats=(info.format.upper(),))
    if is_bounded:
        opened.decodermaxblock = DECODER_BLOCK_BYTES
    image: Image.Image = opened
    if side is not None and info.format == "jpeg":
        image.draft("RGB", fit_size(image.size, side * _SHRINK_GAP))
    if "exif" in image.info or pixels is not original:
        image = turn_upright(image, read_orientation(FORMATS[info.format].exif_of(original)))
    return flatten(image, background, png.bit_depth(original) if info.format == "png" else 8)
