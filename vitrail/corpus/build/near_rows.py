"""Rows of bytes that hardly differ, found without comparing every pair.

Rotated to the directions in which the rows spread most, rows that are near each other are near in each direction. So
rows are halved along one direction after the other, those within the limit behind each cut counted to both halves,
until a part is small enough to compare its pairs (an epsilon join: Boehm et al., SIGMOD 2001). Near pairs are found
without exception; what is compared last are the bytes themselves, by sums of integers that are exact.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from vitrail.corpus.build.components import Components

__all__ = ["join_near_rows"]

Rows = NDArray[np.int64]
ReadRows = Callable[[Rows], NDArray[np.uint8]]

_NUM_DIRECTIONS = 16
_SAMPLE_ROWS = 2048  # that the directions are found from
_BLOCK_ROWS = 512
_TRIED_DIRECTIONS = 3  # at each cut: those of the largest spread
_TRIED_CUTS = 33  # along each
_MAX_IN_BOTH = 0.25  # of a part: beyond it, halving costs more than it saves
_MAX_HALF = 0.85  # of a part
_ROUNDING = 1.0  # of directions in float32, by a wide margin: values are below 2**13


def join_near_rows(num_rows: int, read_rows: ReadRows, max_square: float, components: Components) -> None:
    """Joins all rows whose squared distance is at most `max_square`.

    Time grows as N log N as long as few rows are near many others; memory: 64 bytes a row for the directions, and
    16 at most while they are halved.

    Args:
        num_rows: How many there are.
        read_rows: The bytes of some rows: uint8 [rows, bytes of a row].
        max_square: Of the distance of two rows that are near.
        components: Takes what is found.
    """
    if num_rows < 2:
        return
    places = _directions(num_rows, read_rows)
    reach = np.float32(np.sqrt(max_square) + _ROUNDING)
    for part in _parts(np.arange(num_rows), places, reach):
        _join_part(part, places, reach, read_rows, max_square, components)


def _directions(num_rows: int, read_rows: ReadRows) -> NDArray[np.float32]:
    """Where each row lies along the directions of the largest spread: float32 [num_rows, directions]."""
    if num_rows <= _BLOCK_ROWS:
        return np.zeros((num_rows, 1), np.float32)  # all pairs are compared at once
    sample = read_rows(np.unique(np.linspace(0, num_rows - 1, _SAMPLE_ROWS).astype(np.int64))).astype(np.float64)
    centre = sample.mean(axis=0)
    _, vectors = np.linalg.eigh((sample - centre).T @ (sample - centre))
    vectors = vectors[:, ::-1][:, :_NUM_DIRECTIONS].astype(np.float32)
    return np.concatenate(
        [
            (read_rows(block).astype(np.float32) - centre.astype(np.float32)) @ vectors
            for block in np.array_split(np.arange(num_rows), -(-num_rows // _SAMPLE_ROWS))
        ]
    )


def _parts(rows: Rows, places: NDArray[np.float32], reach: np.float32) -> Iterator[Rows]:
    """Parts of the rows so that every near pair lies in one of them."""
    cut = _find_cut(rows, places, reach) if len(rows) > _BLOCK_ROWS else None
    if cut is None:
        yield rows
        return
    along = places[rows, cut[0]]
    yield from _parts(rows[along <= cut[1] + reach], places, reach)
    yield from _parts(rows[along > cut[1]], places, reach)


def _find_cut(rows: Rows, places: NDArray[np.float32], reach: np.float32) -> tuple[int, np.float32] | None:
    """The direction and place with the fewest rows in both halves; None when every cut has too many."""
    own = places[rows]
    best: tuple[int, int, np.float32] | None = None
    for direction in np.argsort(-own.std(axis=0))[:_TRIED_DIRECTIONS].tolist():
        along = np.sort(own[:, direction])
        cuts = along[np.linspace(0, len(rows) - 1, _TRIED_CUTS).astype(np.int64)]
        before, lower = np.searchsorted(along, cuts, "right"), np.searchsorted(along, cuts + reach, "right")
        doubled = np.where(np.maximum(lower, len(rows) - before) <= len(rows) * _MAX_HALF, lower - before, len(rows))
        at = int(doubled.argmin())
        if best is None or doubled[at] < best[0]:
            best = int(doubled[at]), direction, cuts[at]
    return best[1:] if best is not None and best[0] <= len(rows) * _MAX_IN_BOTH else None


def _join_part(
    part: Rows,
    places: NDArray[np.float32],
    reach: np.float32,
    read_rows: ReadRows,
    max_square: float,
    components: Components,
) -> None:
    """Compares the pairs of a part block by block; rows that are one component already are not compared again."""
    for start in range(0, len(part), _BLOCK_ROWS):
        block, rest = part[start : start + _BLOCK_ROWS], part[start:]
        while len(rest):
            roots = components.roots(block)
            if (roots == roots[0]).all():
                rest = rest[components.roots(rest) != roots[0]]
            others, rest = rest[:_BLOCK_ROWS], rest[_BLOCK_ROWS:]
            _join_blocks(block, others, places, reach, read_rows, max_square, components)


def _join_blocks(
    block: Rows,
    others: Rows,
    places: NDArray[np.float32],
    reach: np.float32,
    read_rows: ReadRows,
    max_square: float,
    components: Components,
) -> None:
    maybe = _square_distances(places[block], places[others]) <= reach * reach
    maybe &= block[:, None] != others[None, :]
    rows, columns = maybe.any(axis=1), maybe.any(axis=0)
    if not rows.any():
        return
    block, others = block[rows], others[columns]
    # Sums of integers below 2**53 are exact in float64, whatever the number of threads.
    distances = _square_distances(read_rows(block).astype(np.float64), read_rows(others).astype(np.float64))
    near = np.nonzero(distances <= max_square)
    components.join(block[near[0]], others[near[1]])


def _square_distances(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> NDArray[np.floating]:
    squares = np.einsum("nd,nd->n", ours, ours)[:, None] + np.einsum("nd,nd->n", theirs, theirs)[None, :]
    return squares - 2 * ours @ theirs.T
