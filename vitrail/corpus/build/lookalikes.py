"""Images that look the same: equal pixels, or thumbnails that hardly differ."""

import hashlib
from collections.abc import Mapping

import numpy as np

from vitrail.corpus.build.groups import connect_groups
from vitrail.corpus.pixels.decode import decode_image, draw_thumbnail

__all__ = ["look_of", "match_lookalikes", "thumbnail_of"]

_THUMBNAIL_SIZE = 16
_LOOKALIKE_LEVELS = 2.0  # root mean square difference of thumbnails, in grey levels of 255
_BLOCK_ROWS = 1024


def look_of(data: bytes) -> str:
    """A digest of what an image looks like on white: equal for equal pixels, whatever the encoding."""
    pixels = np.ascontiguousarray(decode_image(data))
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def thumbnail_of(data: bytes) -> np.ndarray:
    """A picture of 16 x 16 pixels, flat: uint8 [768]."""
    return draw_thumbnail(data, _THUMBNAIL_SIZE).reshape(-1)


def match_lookalikes(thumbnails: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Gives images that look the same, as copies saved anew or at another size do, the same name.

    Compares every pair: quadratic in the number of images, a few seconds for 8,000 on one core. Sums of
    integers below 2**53 are exact in float64, so the result does not depend on the number of threads.

    Returns:
        For each image_id the first image_id of those that look like it.
    """
    ids = list(thumbnails)
    pixels = np.stack([thumbnails[name] for name in ids]).astype(np.float64) if ids else np.empty((0, 1))
    squares = np.einsum("nd,nd->n", pixels, pixels)
    limit = _LOOKALIKE_LEVELS**2 * pixels.shape[1]
    features: list[list[int]] = [[] for _ in ids]
    num_pairs = 0
    for start in range(0, len(ids), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        distances = squares[block, None] + squares[None, :] - 2 * pixels[block] @ pixels.T
        for row, other in zip(*np.nonzero(distances <= limit), strict=True):
            if start + row < other:
                features[start + row].append(num_pairs)
                features[other].append(num_pairs)
                num_pairs += 1
    return {name: ids[first] for name, first in zip(ids, connect_groups(features), strict=True)}
