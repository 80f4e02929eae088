"""Splits: which of train, val and test a group is in."""

import hashlib

__all__ = ["split_of"]


def split_of(group: str, *, train_percent: int = 80, val_percent: int = 10) -> str:
    """The split of a group, by hash; what train and val leave is test."""
    bucket = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    if bucket < train_percent:
        return "train"
    return "val" if bucket < train_percent + val_percent else "test"
