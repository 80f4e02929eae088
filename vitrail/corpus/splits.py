"""Splits by group: images that belong together never straddle train, val and test."""

import hashlib
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from vitrail.corpus.decode import decode_image

__all__ = ["connect_groups", "look_of", "split_of"]

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
