"""Average linkage (Sokal & Michener 1958) over candidate pairs: time and memory grow with the pairs."""

import heapq

import numpy as np

from vitrail.labels.clustering.nearest_neighbours import DIGITS

__all__ = ["merge_pairs"]

_CHUNK = 65_536  # pairs at once


def merge_pairs(vectors: np.ndarray, pairs: np.ndarray, threshold: float) -> np.ndarray:
    """Average-linkage clusters along given pairs, the most similar first.

    The average cosine between two groups of unit vectors is the dot product of their sums over the product of
    their sizes, so a merge costs one vector addition. A pair whose clusters have grown is scored again, as the
    average over all members, before it may merge.

    Args:
        vectors: float32 [N, D] of unit length.
        pairs: int64 [P, 2] rows that may end in one cluster.
        threshold: Least average cosine similarity at which two clusters merge.

    Returns:
        int64 [N]: cluster numbers, in the order of their first rows.
    """
    sums: dict[int, np.ndarray] = {}  # float64, of clusters of several: the others are their vector
    sizes = np.ones(len(vectors), dtype=np.int64)
    parent = np.arange(len(vectors))

    def total(cluster: int) -> np.ndarray:
        return sums[cluster] if cluster in sums else vectors[cluster].astype(np.float64)

    heap = _similar_pairs(vectors, pairs, threshold)
    while heap:
        value, i, j = heapq.heappop(heap)
        a, b = sorted((_root(parent, i), _root(parent, j)))
        if a == b:
            continue
        current = round(float(total(a) @ total(b)) / int(sizes[a] * sizes[b]), DIGITS)
        if current < threshold:
            continue
        if current < -value:
            heapq.heappush(heap, (-current, a, b))
            continue
        sums[a] = total(a) + total(b)
        sums.pop(b, None)
        sizes[a] += sizes[b]
        parent[b] = a
    roots = np.array([_root(parent, index) for index in range(len(vectors))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1]


def _similar_pairs(vectors: np.ndarray, pairs: np.ndarray, threshold: float) -> list[tuple[float, int, int]]:
    """Heap of the pairs that reach the threshold, by negative similarity."""
    heap: list[tuple[float, int, int]] = []
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        left, right = vectors[part[:, 0]].astype(np.float64), vectors[part[:, 1]].astype(np.float64)
        similarity = np.einsum("pd,pd->p", left, right).round(DIGITS)
        good = similarity >= threshold
        heap += [(-value, i, j) for value, (i, j) in zip(similarity[good].tolist(), part[good].tolist(), strict=True)]
    heapq.heapify(heap)
    return heap


def _root(parent: np.ndarray, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index
