"""Splits: which of train, val and test a group is in."""

import hashlib

__all__ = ["split_of"]

_TRAIN_SHARE, _VAL_SHARE = 80, 10


def split_of(group: str) -> str:
    """The split of a group, by hash: 80% train, 10% val, 10% test."""
    bucket = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    if bucket < _TRAIN_SHARE:
        return "train"
    return "val" if bucket < _TRAIN_SHARE + _VAL_SHARE else "test"
