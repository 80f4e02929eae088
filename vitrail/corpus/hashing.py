"""Hashes of integers: what order and augmentation draw from."""

import numpy as np

__all__ = ["hash_uint64"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def hash_uint64(key: int, *values: np.ndarray | int) -> np.ndarray:
    """Hashes integers, broadcast against each other, to uint64 (SplitMix64 finaliser, one round a value)."""
    state = np.full(1, key, dtype=np.uint64)
    for value in values:
        state = state ^ np.atleast_1d(np.asarray(value, dtype=np.int64)).astype(np.uint64)
        state = state + _GOLDEN
        state = (state ^ (state >> np.uint64(30))) * _MIX_1
        state = (state ^ (state >> np.uint64(27))) * _MIX_2
        state = state ^ (state >> np.uint64(31))
    return state
