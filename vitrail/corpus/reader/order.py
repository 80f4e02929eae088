"""In which order images are read: a pure function of (seed, epoch, corpus digest), open at any position.

An epoch of a source is laid out in three steps, none of which looks at the whole corpus:

1. the shards are permuted,
2. runs of `shards_per_group` shards form groups; the images of a group are dealt into windows of about
   `window` images, each taking the next slice of every shard of the group (so tars are read forwards),
3. each window is permuted.

Finding the image at a position costs O(log groups) plus one window, after O(shards) work once an epoch: a
resume costs the same at any position. Permutations sort hashes, so they depend on no library's generator.

Weights (how many times an image is due in an epoch, say 1.7) are rounded by systematic sampling: the
weights are laid end to end in corpus order and a draw falls at every whole number, shifted by an offset per
epoch. An image of weight w is drawn floor(w) or ceil(w) times, w on average, every epoch has the same
number of draws, and the draws of a shard follow from its prefix sum alone. When the weights do not sum to
a whole number, the draw of the fraction left over, at the very end, is cut off.
"""

import functools
import hashlib
from typing import NamedTuple

import numpy as np
import xxhash

from vitrail.config import require
from vitrail.corpus.hashing import hash_uint64
from vitrail.corpus.reader.config import OrderConfig
from vitrail.corpus.reader.selection import Selection

__all__ = ["Draws", "SourceOrder", "order_key"]

_ONE = 1 << 20  # weights are fixed-point numbers with 20 binary places
_CACHED_SHARDS = 64


class Draws(NamedTuple):
    """Consecutive entries of an order, as parallel int64 arrays."""

    epochs: np.ndarray
    rows: np.ndarray  # global rows of the corpus
    copies: np.ndarray  # 0 for the first draw of a row in its epoch, 1 for the second, ...


def order_key(*parts: object) -> int:
    """A 64-bit key that stands for `parts` (seed, corpus digest, ...)."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _permutation(key: int, size: int) -> np.ndarray:
    return np.argsort(hash_uint64(key, np.arange(size)), kind="stable")


class _Epoch(NamedTuple):
    key: int
    shift: int  # offset of systematic sampling, in fixed-point units
    shards: np.ndarray  # permuted shard numbers
    first_draws: np.ndarray  # [shards + 1] by shard number: number of its first draw in corpus order
    group_starts: np.ndarray  # [groups + 1] position in the epoch


class _Group(NamedTuple):
    firsts: np.ndarray  # [shards of the group] number of the first draw
    counts: np.ndarray  # [shards of the group] draws
    shards: np.ndarray
    window_starts: np.ndarray  # [windows + 1] position in the group


class SourceOrder:
    """The endless order of one source: epoch after epoch, without gap or padding.

    Memory: three int64 arrays of one entry a shard, two windows, and the arrays handed in (which may be
    memory maps). With weights, opening reads them once (O(rows), for the prefix sum of each shard); a selection is
    counted by its bits.
    """

    def __init__(
        self,
        shard_starts: np.ndarray,
        *,
        key: int,
        rows: Selection | np.ndarray | None = None,
        weights: np.ndarray | None = None,
        config: OrderConfig | None = None,
    ) -> None:
        """Plans the order.

        Args:
            shard_starts: int64 [shards + 1], the global row where each shard starts, then the number of rows.
            key: From `order_key`; sources with different keys have independent orders.
            rows: What to draw from: a selection, or ascending global rows; all when None.
            weights: Float [rows], draws an epoch of each of `rows`; 1 when None.
            config: Sizes of windows and groups.

        Raises:
            ConfigError: Nothing to draw from, or rows or weights that do not fit.
        """
        self._config = config or OrderConfig()
        self._key = key
        self._starts = np.asarray(shard_starts, dtype=np.int64)
        self._selection = Selection.of_rows(self._starts, rows) if isinstance(rows, np.ndarray) else rows
        self._weights = weights
        self._bounds = self._starts if self._selection is None else self._selection.bounds
        if weights is not None:
            require(len(weights) == self._bounds[-1], "weights", len(weights), "give one weight for each row")
        self._mass = self._prefix_mass()
        self.num_draws = int(self._mass[-1]) // _ONE
        require(self.num_draws > 0, "rows", self.num_draws, "select at least one image to draw from")
        self._epoch = functools.lru_cache(maxsize=3)(self._plan_epoch)
        self._group = functools.lru_cache(maxsize=2)(self._plan_group)
        self._window = functools.lru_cache(maxsize=2)(self._draw_window)
        self._cumulative = functools.lru_cache(maxsize=_CACHED_SHARDS)(self._accumulate)
        self._selected = functools.lru_cache(maxsize=_CACHED_SHARDS)(self._read_selected)

    @functools.cached_property
    def digest(self) -> int:
        """Identity of the order. Reads all that it is made of."""
        bits = None if self._selection is None else self._selection.bits
        arrays = [array for array in (self._starts, bits, self._weights) if array is not None]
        return order_key(self._key, *(xxhash.xxh3_64_hexdigest(np.ascontiguousarray(a).data) for a in arrays))

    def take(self, start: int, stop: int) -> Draws:
        """The draws at positions `start` to `stop` of the endless order.

        O(log groups + window) for the first window and O(1) for each further draw.
        """
        pieces = []
        while start < stop:
            epoch, group = self.group_at(start)
            offset = start - epoch * self.num_draws - int(self._epoch(epoch).group_starts[group])
            starts = self._group(epoch, group).window_starts
            window = int(np.searchsorted(starts, offset, side="right")) - 1
            first = offset - int(starts[window])
            size = min(stop - start, int(starts[window + 1]) - offset)
            rows, copies = self._window(epoch, group, window)
            epochs = np.full(size, epoch, dtype=np.int64)
            pieces.append(Draws(epochs, rows[first : first + size], copies[first : first + size]))
            start += size
        if not pieces:
            empty = np.zeros(0, dtype=np.int64)
            return Draws(empty, empty, empty)
        return Draws(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))

    def group_at(self, position: int) -> tuple[int, int]:
        """(epoch, group) of a position: which tars are read there. O(log groups)."""
        epoch, offset = divmod(position, self.num_draws)
        return epoch, int(np.searchsorted(self._epoch(epoch).group_starts, offset, side="right")) - 1

    def shards_of(self, epoch: int, group: int) -> np.ndarray:
        """The shard numbers of a group."""
        size = self._config.shards_per_group
        return self._epoch(epoch).shards[group * size : (group + 1) * size]

    def shards_after(self, epoch: int, group: int) -> np.ndarray:
        """The shard numbers of the group that follows."""
        is_last = group + 2 == len(self._epoch(epoch).group_starts)
        return self.shards_of(epoch + 1, 0) if is_last else self.shards_of(epoch, group + 1)

    def _prefix_mass(self) -> np.ndarray:
        if self._weights is None:
            return self._bounds * _ONE
        masses = [int(self._fixed_point(shard).sum()) for shard in range(len(self._bounds) - 1)]
        return np.concatenate([[0], np.cumsum(masses, dtype=np.int64)])

    def _fixed_point(self, shard: int) -> np.ndarray:
        assert self._weights is not None  # noqa: S101 (narrows the type for callers that checked)
        weights = np.asarray(self._weights[self._bounds[shard] : self._bounds[shard + 1]], dtype=np.float64)
        is_valid = bool(np.all(np.isfinite(weights) & (weights >= 0)))
        require(is_valid, "weights", f"shard {shard}", "give finite weights of at least 0")
        return np.rint(weights * _ONE).astype(np.int64)

    def _accumulate(self, shard: int) -> np.ndarray:
        return int(self._mass[shard]) + np.concatenate([[0], np.cumsum(self._fixed_point(shard))])

    def _plan_epoch(self, epoch: int) -> _Epoch:
        key = int(hash_uint64(self._key, epoch)[0])
        shift = int(hash_uint64(key, -1)[0] % np.uint64(_ONE))
        first_draws = np.minimum((self._mass + shift) // _ONE, self.num_draws)
        shards = _permutation(key, len(first_draws) - 1)
        counts = np.diff(first_draws)[shards]
        totals = np.add.reduceat(counts, np.arange(0, len(counts), self._config.shards_per_group))
        return _Epoch(key, shift, shards, first_draws, np.concatenate([[0], np.cumsum(totals)]))

    def _plan_group(self, epoch: int, group: int) -> _Group:
        plan = self._epoch(epoch)
        shards = self.shards_of(epoch, group)
        firsts = plan.first_draws[shards]
        counts = plan.first_draws[shards + 1] - firsts
        num_windows = -(-int(counts.sum()) // self._config.window)
        steps = np.arange(num_windows + 1)
        starts = np.zeros(num_windows + 1, dtype=np.int64)
        for count in counts:
            starts += count * steps // num_windows
        return _Group(firsts, counts, shards, starts)

    def _draw_window(self, epoch: int, group: int, window: int) -> tuple[np.ndarray, np.ndarray]:
        plan, (firsts, counts, shards, starts) = self._epoch(epoch), self._group(epoch, group)
        num_windows = len(starts) - 1
        lows = firsts + counts * window // num_windows
        highs = firsts + counts * (window + 1) // num_windows
        drawn = [
            self._rows_of(int(shard), np.arange(low, high), plan.shift)
            for shard, low, high in zip(shards, lows, highs, strict=True)
        ]
        rows, copies = (np.concatenate(arrays) for arrays in zip(*drawn, strict=True))
        window_key = int(hash_uint64(plan.key, group, window)[0])
        permutation = _permutation(window_key, len(rows))
        return rows[permutation], copies[permutation]

    def _rows_of(self, shard: int, draws: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
        if self._weights is None:
            items, copies = draws, np.zeros_like(draws)
        else:
            mass = self._cumulative(shard)
            local = np.searchsorted(mass[1:], (draws + 1) * _ONE - shift, side="left")
            items, copies = self._bounds[shard] + local, draws - (mass[local] + shift) // _ONE
        return (items if self._selection is None else self._selected(shard)[items - self._bounds[shard]]), copies

    def _read_selected(self, shard: int) -> np.ndarray:
        assert self._selection is not None  # noqa: S101 (narrows the type for callers that checked)
        return self._selection.rows_of(shard)
