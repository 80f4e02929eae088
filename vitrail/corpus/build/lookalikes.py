"""Images that look the same: equal pixels, or thumbnails that hardly differ."""

import hashlib
from collections.abc import Mapping

import numpy as np

from vitrail.corpus.build.components import Components
from vitrail.corpus.build.near_rows import join_near_rows
from vitrail.corpus.pixels.decode import decode_image, draw_thumbnail

__all__ = ["look_of", "match_lookalikes", "thumbnail_of"]

_THUMBNAIL_SIZE = 16
_LOOKALIKE_LEVELS = 2.0  # root mean square difference of thumbnails, in grey levels of 255


def look_of(data: bytes) -> str:
    """A digest of what an image looks like on white: equal for equal pixels, whatever the encoding."""
    pixels = np.ascontiguousarray(decode_image(data))
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def thumbnail_of(data: bytes) -> np.ndarray:
    """A picture of 16 x 16 pixels, flat: uint8 [768]."""
    return draw_thumbnail(data, _THUMBNAIL_SIZE).reshape(-1)


def match_lookalikes(thumbnails: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Gives images that look the same, as copies saved anew or at another size do, the same name.

    Returns:
        For each image_id the first image_id of those that look like it.
    """
    ids = list(thumbnails)
    pixels = np.stack([thumbnails[name] for name in ids]) if ids else np.empty((0, 1), np.uint8)
    components = Components(len(ids))
    join_near_rows(len(ids), lambda rows: pixels[rows], _LOOKALIKE_LEVELS**2 * pixels.shape[1], components)
    return {name: ids[first] for name, first in zip(ids, components.roots().tolist(), strict=True)}
