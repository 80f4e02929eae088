"""Sorting integer keys and finding the groups of equal ones: what scoring spends most of its time on."""

import numpy as np

__all__ = ["run_starts", "sort_groups", "sort_keys"]


def sort_keys(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts keys (int64, none negative), equal ones as they come, and the sorted keys."""
    index_bits = len(key).bit_length()
    if int(key.max(initial=0)).bit_length() + index_bits < 64:  # sorting values is several times faster than an index
        packed = (key << index_bits) | np.arange(len(key))
        packed.sort(kind="stable")  # the keys come in long ascending runs
        return packed & ((1 << index_bits) - 1), packed >> index_bits
    order = np.argsort(key, kind="stable")
    return order, key[order]


def run_starts(values: np.ndarray) -> np.ndarray:
    """Where the runs of equal values start."""
    is_first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)


def sort_groups(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts keys (int64, none negative), and where the groups of equal keys start in it."""
    order, ordered = sort_keys(key)
    return order, run_starts(ordered)
