"""Images that look the same: equal pixels, or thumbnails that hardly differ."""

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vitrail.corpus.build.components import Components
from vitrail.corpus.build.near_rows import join_near_rows
from vitrail.corpus.pixels.decode import decode_image, fit_square
from vitrail.corpus.pixels.limits import DEFAULT_LIMITS

__all__ = ["THUMBNAIL_BYTES", "join_lookalikes", "look_of", "thumbnail_of"]

_THUMBNAIL_SIZE = 16
THUMBNAIL_BYTES = _THUMBNAIL_SIZE**2 * 3
_LOOKALIKE_LEVELS = 2.0  # root mean square difference of thumbnails, in grey levels of 255


def look_of(data: bytes) -> str:
    """A digest of what an image looks like on white: equal for equal pixels, whatever the encoding."""
    pixels = np.ascontiguousarray(decode_image(data))
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def thumbnail_of(data: bytes) -> bytes:
    """A picture of 16 x 16 pixels, its THUMBNAIL_BYTES row by row."""
    return fit_square(data, _THUMBNAIL_SIZE, DEFAULT_LIMITS).tobytes()


def join_lookalikes(num_images: int, read_thumbnails: Callable[[NDArray[np.int64]], NDArray[np.uint8]]) -> Components:
    """Joins images that look the same, as copies saved anew or at another size do.

    Args:
        num_images: How many there are.
        read_thumbnails: The thumbnails of some images by number: uint8 [images, 768].
    """
    components = Components(num_images)
    join_near_rows(num_images, read_thumbnails, _LOOKALIKE_LEVELS**2 * THUMBNAIL_BYTES, components)
    return components
