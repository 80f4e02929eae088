"""Splits: which of train, val and test a group is in, and which groups keep their labels in a smaller training."""

import hashlib

__all__ = ["is_labelled", "split_of"]

_TRAIN_SHARE, _VAL_SHARE = 80, 10


def split_of(group: str) -> str:
    """The split of a group, by hash: 80% train, 10% val, 10% test."""
    bucket = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    if bucket < _TRAIN_SHARE:
        return "train"
    return "val" if bucket < _TRAIN_SHARE + _VAL_SHARE else "test"


def is_labelled(group: str, share: float) -> bool:
    """Whether a group is among that share of all groups, by hash: those of a smaller share are among those of a larger.

    Other bits of the hash decide than those of the split.
    """
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[8:16], "big") < share * 2**64
