"""The graph of nearest neighbours that k-means and HDBSCAN work on: its cost grows in proportion to the vectors.

Candidates come from an HNSW index (Malkov & Yashunin 2016), by angle and in 8 bits, over the leading principal
directions; distances from the whole vectors. The index is filled by one thread: with several, which neighbours are
found would change from run to run.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits
from usearch.index import Index, MetricKind, search

from vitrail.labels.arrays import row_of_each

__all__ = ["DIGITS", "EXACT", "NeighbourGraph", "distances", "find_neighbours"]

DIGITS = 5  # distances are compared rounded, so that the order of additions cannot turn a decision
EXACT = 2000  # vectors up to which every neighbour is found

_SEED = 0
_DIMENSIONS = 64
_SAMPLE = 50_000  # vectors that principal directions are fitted to
_CHUNK = 65_536  # vectors or pairs at once
_EXPANSION = 64  # candidates that the index holds while it adds and while it searches


@dataclass(frozen=True, kw_only=True)
class NeighbourGraph:
    """Undirected edges, the shortest first; edges of one length in the order of their rows."""

    i: np.ndarray  # int64 [E]
    j: np.ndarray  # int64 [E], above i
    distance: np.ndarray  # float32 [E], Euclidean


def find_neighbours(vectors: np.ndarray, count: int) -> NeighbourGraph:
    """Joins each vector with its `count` nearest, as far as the index finds them.

    Args:
        vectors: float32 [N, D], N at least 2, of about the same length.
        count: Neighbours, as far as there are so many.
    """
    found = _search(vectors, min(count, len(vectors) - 1) + 1)  # a vector is among its own neighbours
    rows = row_of_each(np.full(len(vectors), found.shape[1]))
    first, second = np.minimum(rows, found.ravel()), np.maximum(rows, found.ravel())
    key = np.unique((first * len(vectors) + second)[first < second])
    i, j = np.divmod(key, len(vectors))
    length = distances(vectors, i, vectors, j)
    order = np.argsort(length, kind="stable")
    return NeighbourGraph(i=i[order], j=j[order], distance=length[order])


def distances(left: np.ndarray, i: np.ndarray, right: np.ndarray, j: np.ndarray) -> np.ndarray:
    """float32 [P], Euclidean distances of left[i[p]] and right[j[p]], rounded."""
    result = np.empty(len(i), dtype=np.float32)
    for start in range(0, len(i), _CHUNK):
        part = slice(start, start + _CHUNK)
        difference = left[i[part]] - right[j[part]]
        result[part] = np.sqrt(np.einsum("pd,pd->p", difference, difference)).round(DIGITS)
    return result


def _search(vectors: np.ndarray, count: int) -> np.ndarray:
    """int64 [N, count] rows of the nearest vectors, a vector's own mostly among them.

    Where the index finds fewer it fills up with row 0: a true distance like any other, and a useless edge.
    """
    if len(vectors) <= EXACT:
        return search(vectors, vectors, count, MetricKind.L2sq, exact=True).keys.reshape(-1, count).astype(np.int64)
    points = _project(vectors)
    index = Index(ndim=points.shape[1], metric="cos", dtype="i8", expansion_add=_EXPANSION, expansion_search=_EXPANSION)
    index.add(np.arange(len(points)), points, threads=1)
    chunks = (points[start : start + _CHUNK] for start in range(0, len(points), _CHUNK))
    return np.concatenate([index.search(chunk, count).keys.reshape(-1, count) for chunk in chunks]).astype(np.int64)


def _project(vectors: np.ndarray) -> np.ndarray:
    """float32 [N, at most _DIMENSIONS]: along the leading principal directions of an even sample, strongest first."""
    sample = vectors[:: max(len(vectors) // _SAMPLE, 1)]
    with threadpool_limits(1):  # the last bits of sums differ by the number of threads
        _, _, directions = randomized_svd(sample, min(_DIMENSIONS, *sample.shape), n_iter=3, random_state=_SEED)
        chunks = (vectors[start : start + _CHUNK] @ directions.T for start in range(0, len(vectors), _CHUNK))
        return np.concatenate([chunk.astype(np.float32) for chunk in chunks])
