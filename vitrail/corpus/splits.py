"""Splits: which of train, val and test a group is in, and which groups keep their labels in a smaller training."""

import hashlib

__all__ = ["is_labelled", "split_of"]


def split_of(group: str, *, train_percent: int = 80, val_percent: int = 10) -> str:
    """The split of a group, by hash; what train and val leave is test."""
    bucket = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    if bucket < train_percent:
        return "train"
    return "val" if bucket < train_percent + val_percent else "test"


def is_labelled(group: str, share: float) -> bool:
    """Whether a group is among that share of all groups, by hash: those of a smaller share are among those of a larger.

    Other bits of the hash decide than those of the split.
    """
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[8:16], "big") < share * 2**64
