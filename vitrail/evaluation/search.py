"""Exact nearest neighbours in NumPy: what metrics and gates are computed on.

Queries are searched in blocks: beside its inputs a search holds less than BLOCK_BYTES, however many there are, as long
as one query's row of costs fits; float queries on codes hold the gallery's signs as floats too.

Shapes: Q queries, G gallery items, D embedding width, k neighbours, B queries of a block. The approximate index
(`neighbour_index.py`) is for serving; a gate must not depend on what a graph search happens to miss.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrail.errors import EvaluationError

__all__ = [
    "BLOCK_BYTES",
    "Parts",
    "asymmetric_costs",
    "binary_costs",
    "float_costs",
    "hamming",
    "nearest_asymmetric",
    "nearest_binary",
    "nearest_float",
]

BLOCK_BYTES = 256 * 2**20
_MAX_CELLS = BLOCK_BYTES // 64  # costs held at once; a search holds less than 64 bytes for each
_WORD_BYTES = 8


@dataclass(frozen=True)
class Parts:
    """Parts that are kept apart: the number of the part of each query [Q] and of each gallery row [G]."""

    queries: NDArray[np.int64]
    gallery: NDArray[np.int64]

    def count_own(self) -> NDArray[np.int64]:
        """Gallery rows of each query's own part [Q]."""
        numbers, counts = np.unique(self.gallery, return_counts=True)
        places = np.searchsorted(numbers, self.queries)
        is_there = np.append(numbers, -1)[places] == self.queries
        return np.where(is_there, np.append(counts, 0)[places], 0)


def nearest_float(
    queries_qd: NDArray[np.float32],
    gallery_gd: NDArray[np.float32],
    k: int,
    *,
    apart: Parts | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k most similar gallery rows for unit vectors, best first.

    Equal items may come in any order: their similarities differ in the last digit by where they lie in a
    matrix product.

    Args:
        queries_qd: Unit vectors.
        gallery_gd: Unit vectors.
        k: How many neighbours; fewer come back when the gallery of some query is smaller.
        apart: Parts of queries and gallery; a gallery row of the query's own part is no neighbour (itself, for one).

    Returns:
        Gallery rows [Q, k] and cosine similarities [Q, k].
    """
    k = _available(len(gallery_gd), k, apart)
    rows = np.empty((len(queries_qd), k), np.int64)
    similarities = np.empty((len(queries_qd), k), np.float32)
    for part, costs in float_costs(queries_qd, gallery_gd, apart=apart):
        found = np.argpartition(costs, k - 1, axis=1)[:, :k] if 0 < k < costs.shape[1] else _all_rows(costs, k)
        found.sort(axis=1)
        order = np.argsort(np.take_along_axis(costs, found, axis=1), axis=1, kind="stable")
        rows[part] = np.take_along_axis(found, order, axis=1)
        similarities[part] = -np.take_along_axis(costs, rows[part], axis=1)
    return rows, similarities


def nearest_binary(
    queries: NDArray[np.uint8],
    gallery: NDArray[np.uint8],
    k: int,
    *,
    apart: Parts | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The k gallery rows with the smallest Hamming distance to packed codes [., D/8], ties by row.

    Returns:
        Gallery rows [Q, k] and distances in bits [Q, k].
    """
    k = _available(len(gallery), k, apart)
    num_items = max(1, len(gallery))
    rows = np.empty((len(queries), k), np.int64)
    distances = np.empty((len(queries), k), np.int64)
    for part, costs in binary_costs(queries, gallery, apart=apart):
        nearest = np.sort(np.partition(costs, k - 1, axis=1)[:, :k] if k else costs[:, :0], axis=1)
        rows[part], distances[part] = nearest % num_items, nearest // num_items
    return rows, distances


def nearest_asymmetric(
    queries_qd: NDArray[np.float32],
    gallery: NDArray[np.uint8],
    k: int,
    *,
    apart: Parts | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k gallery rows whose codes float queries agree with most, best first; ties as in `nearest_float`.

    A code stands for the unit vector of its signs, so only the query keeps the sizes of its components (asymmetric
    distances: Gordo et al., Asymmetric Distances for Binary Embeddings, 2014).

    Args:
        queries_qd: Unit vectors.
        gallery: Packed codes [G, D/8] of vectors as wide; bits that fill up the last byte are left out.
        k: As of `nearest_float`.
        apart: As of `nearest_float`.

    Returns:
        Gallery rows [Q, k] and cosine similarities to the vectors of signs [Q, k].
    """
    return nearest_float(queries_qd, _signs(queries_qd, gallery), k, apart=apart)


def float_costs(
    queries_qd: NDArray[np.float32], gallery_gd: NDArray[np.float32], *, apart: Parts | None = None
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Blocks of queries with minus their similarities to the whole gallery [B, G]; infinite for their own part.

    Raises:
        EvaluationError: Queries and gallery differ in width.
    """
    _check_widths(queries_qd, gallery_gd)
    for part in _blocks(len(queries_qd), len(gallery_gd)):
        costs = queries_qd[part] @ gallery_gd.T
        np.negative(costs, out=costs)
        if apart is not None:
            costs[apart.queries[part, None] == apart.gallery] = np.inf
        yield part, costs


def binary_costs(
    queries: NDArray[np.uint8], gallery: NDArray[np.uint8], *, apart: Parts | None = None
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Blocks of queries with Hamming distance times G plus the gallery's row [B, G]: no two of a query are equal.

    Those of the query's own part come last.

    Raises:
        EvaluationError: Queries and gallery differ in width.
    """
    _check_widths(queries, gallery)
    num_items = len(gallery)
    for part in _blocks(len(queries), num_items):
        costs = hamming(queries[part], gallery).astype(np.int64)
        if apart is not None:
            costs[apart.queries[part, None] == apart.gallery] = 8 * queries.shape[1] + 1
        costs *= num_items
        costs += np.arange(num_items)
        yield part, costs


def asymmetric_costs(
    queries_qd: NDArray[np.float32], gallery: NDArray[np.uint8], *, apart: Parts | None = None
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """As `float_costs`, for float queries and packed codes [G, D/8]."""
    yield from float_costs(queries_qd, _signs(queries_qd, gallery), apart=apart)


def _signs(queries_qd: NDArray[np.float32], gallery: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The unit vectors of signs that codes stand for [G, D]."""
    width = queries_qd.shape[1]
    if 8 * gallery.shape[1] - width not in range(8):
        raise EvaluationError(
            f"queries are {width} wide and codes have {8 * gallery.shape[1]} bits; embed both with the same model"
        )
    signs_gd = np.unpackbits(gallery, axis=1, count=width).astype(np.float32)
    signs_gd *= 2
    signs_gd -= 1
    signs_gd /= np.sqrt(np.float32(width))
    return signs_gd


def hamming(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Bits that differ between packed codes: [L, bytes] and [R, bytes] give [L, R]."""
    left_words, right_words = _words(left), _words(right)
    distances = np.zeros((len(left), len(right)), np.uint16)
    for word in range(left_words.shape[1]):
        distances += np.bitwise_count(left_words[:, word, None] ^ right_words[None, :, word])
    return distances


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    padding = -codes.shape[1] % _WORD_BYTES
    return np.ascontiguousarray(np.pad(codes, ((0, 0), (0, padding)))).view(np.uint64)


def _blocks(num_queries: int, num_items: int) -> list[slice]:
    rows = max(1, _MAX_CELLS // max(1, num_items))
    return [slice(start, start + rows) for start in range(0, num_queries, rows)]


def _available(num_items: int, k: int, apart: Parts | None) -> int:
    num_own = apart.count_own() if apart is not None else np.zeros(0, np.int64)
    return max(0, min(k, num_items - int(num_own.max(initial=0))))


def _all_rows(costs: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    rows = np.argsort(costs, axis=1, kind="stable")[:, :k]
    return rows.astype(np.int64)


def _check_widths(queries: NDArray[np.generic], gallery: NDArray[np.generic]) -> None:
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise EvaluationError(
            f"queries {queries.shape} and gallery {gallery.shape} differ in width; embed both with the same model"
        )
