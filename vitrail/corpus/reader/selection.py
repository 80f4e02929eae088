"""Which rows of a corpus are drawn from: one bit a row, 163 MB for 1.3 billion images."""

import functools
from collections.abc import Callable, Iterable

import numpy as np

from vitrail.config import require

__all__ = ["Selection", "shard_starts"]


def shard_starts(sizes: Iterable[int]) -> np.ndarray:
    """int64 [shards + 1]: the global row where each shard starts, then the number of rows."""
    return np.cumsum([0, *sizes], dtype=np.int64)


class Selection:
    """Some of the rows of a corpus, read shard by shard."""

    def __init__(self, starts: np.ndarray, bits: np.ndarray) -> None:
        """Takes the bits as they are.

        Args:
            starts: As `shard_starts` gives them.
            bits: uint8, eight rows a byte as `np.packbits` packs them, each shard from a byte of its own on; may be a
                memory map.
        """
        self.starts = starts
        self.bits = bits
        self._bytes = shard_starts((np.diff(starts) + 7) // 8)

    @classmethod
    def of_masks(cls, starts: np.ndarray, masks: Iterable[np.ndarray]) -> "Selection":
        """From a bool array for each shard in turn."""
        packed = [np.packbits(mask) for mask in masks]
        return cls(starts, np.concatenate(packed) if packed else np.zeros(0, dtype=np.uint8))

    @classmethod
    def of_rows(cls, starts: np.ndarray, rows: np.ndarray) -> "Selection":
        """From ascending global rows.

        Raises:
            ConfigError: They are not ascending, or not rows of the corpus.
        """
        require(rows.ndim == 1, "rows", rows.shape, "give a one-dimensional array of global rows")
        if len(rows):
            fits = int(rows[0]) >= 0 and int(rows[-1]) < int(starts[-1])
            require(fits, "rows", (int(rows[0]), int(rows[-1])), f"give rows below {int(starts[-1])}")
            is_ascending = bool(np.all(rows[1:] > rows[:-1]))
            require(is_ascending, "rows", "unsorted", "give each row once, in ascending order")
        bounds = np.searchsorted(rows, starts)

        def mask(shard: int) -> np.ndarray:
            is_selected = np.zeros(int(starts[shard + 1] - starts[shard]), dtype=bool)
            is_selected[rows[bounds[shard] : bounds[shard + 1]] - starts[shard]] = True
            return is_selected

        return cls.of_masks(starts, map(mask, range(len(starts) - 1)))

    @functools.cached_property
    def bounds(self) -> np.ndarray:
        """int64 [shards + 1]: how many rows are selected before each shard, then in all. Reads every bit."""
        filled = self._bytes[:-1] < self._bytes[1:]
        counts = np.zeros(len(filled), dtype=np.int64)
        if len(self.bits):
            ones = np.bitwise_count(self.bits)
            counts[filled] = np.add.reduceat(ones, self._bytes[:-1][filled], dtype=np.int64)
        return shard_starts(counts)

    def __len__(self) -> int:
        return int(self.bounds[-1])

    def rows_of(self, shard: int) -> np.ndarray:
        """The selected rows of one shard, ascending and global."""
        packed = self.bits[self._bytes[shard] : self._bytes[shard + 1]]
        size = int(self.starts[shard + 1] - self.starts[shard])
        return np.flatnonzero(np.unpackbits(packed, count=size)) + self.starts[shard]

    def rows(self) -> np.ndarray:
        """All selected rows: 8 bytes each, for corpora that fit into memory."""
        return np.concatenate([self.rows_of(shard) for shard in range(len(self.starts) - 1)])

    def keep(self, is_kept: Callable[[int, np.ndarray], np.ndarray]) -> "Selection":
        """Those of the rows for which `is_kept(shard, rows inside the shard)` is true."""

        def mask(shard: int) -> np.ndarray:
            local = self.rows_of(shard) - self.starts[shard]
            is_selected = np.zeros(int(self.starts[shard + 1] - self.starts[shard]), dtype=bool)
            is_selected[local[is_kept(shard, local)]] = True
            return is_selected

        return Selection.of_masks(self.starts, map(mask, range(len(self.starts) - 1)))
