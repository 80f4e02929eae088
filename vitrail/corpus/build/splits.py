"""Splits by group: images that belong together never straddle train, val and test."""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

from vitrail.corpus.pixels.decode import decode_image, draw_thumbnail

__all__ = ["connect_groups", "look_of", "match_lookalikes", "split_of", "thumbnail_of"]

_THUMBNAIL_SIZE = 16
_LOOKALIKE_LEVELS = 2.0  # root mean square difference of thumbnails, in grey levels of 255
_BLOCK_ROWS = 1024
_TRAIN_SHARE, _VAL_SHARE = 80, 10


def split_of(group: str) -> str:
    """The split of a group, by hash: 80% train, 10% val, 10% test."""
    bucket = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    if bucket < _TRAIN_SHARE:
        return "train"
    return "val" if bucket < _TRAIN_SHARE + _VAL_SHARE else "test"


def connect_groups(features: Iterable[Sequence[Hashable]]) -> list[int]:
    """Numbers the connected components of items that share a feature.

    Args:
        features: For each item, what it shares with others of its group (a family, a picture's digest, ...).

    Returns:
        For each item the position of the first item of its component.
    """
    parents: list[int] = []
    first_with: dict[Hashable, int] = {}
    for item, shared in enumerate(features):
        parents.append(item)
        for feature in shared:
            ours, theirs = _root(parents, item), _root(parents, first_with.setdefault(feature, item))
            parents[max(ours, theirs)] = min(ours, theirs)
    return [_root(parents, item) for item in range(len(parents))]


def _root(parents: list[int], item: int) -> int:
    while parents[item] != item:
        parents[item] = parents[parents[item]]
        item = parents[item]
    return item


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
