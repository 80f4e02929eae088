"""Groups of terms that become one label.

Average linkage on the graph of near neighbours: the average cosine between two groups of unit vectors is the dot
product of their sums over the product of their sizes, so a merge costs one vector addition and memory stays linear.
"""

import heapq

import numpy as np

__all__ = ["agglomerate", "merge_pairs", "near_pairs"]

_NEIGHBOURS = 16
_BLOCK_ROWS = 1024


def near_pairs(
    vectors: np.ndarray, threshold: float, num_neighbours: int = _NEIGHBOURS
) -> list[tuple[float, int, int]]:
    """(similarity, i, j) with i < j for the nearest neighbours of each row that reach the threshold."""
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(vectors), _BLOCK_ROWS):
        similarity = vectors[start : start + _BLOCK_ROWS] @ vectors.T
        similarity[np.arange(len(similarity)), np.arange(start, start + len(similarity))] = -1
        width = min(num_neighbours, len(vectors))
        nearest = np.argpartition(-similarity, width - 1, axis=1)[:, :width]
        values = np.take_along_axis(similarity, nearest, axis=1)
        for row, column in zip(*np.nonzero(values >= threshold), strict=True):
            i, j = start + int(row), int(nearest[row, column])
            pairs[min(i, j), max(i, j)] = round(float(values[row, column]), 5)
    return [(value, i, j) for (i, j), value in pairs.items()]


def agglomerate(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """Average-linkage clusters of unit vectors.

    Args:
        vectors: float32 [N, D] of unit length.
        threshold: Least average cosine similarity at which two clusters merge.

    Returns:
        int64 [N]: cluster numbers, in order of first appearance.
    """
    return merge_pairs(vectors, near_pairs(vectors, threshold), threshold)


def merge_pairs(vectors: np.ndarray, pairs: list[tuple[float, int, int]], threshold: float) -> np.ndarray:
    """Merges the best pair first; a pair whose clusters have grown is scored again before it may merge."""
    sums = vectors.astype(np.float64)
    sizes = np.ones(len(vectors), dtype=np.int64)
    parent = np.arange(len(vectors))
    heap = [(-value, i, j) for value, i, j in pairs]
    heapq.heapify(heap)
    while heap:
        value, i, j = heapq.heappop(heap)
        a, b = sorted((_root(parent, i), _root(parent, j)))
        if a == b:
            continue
        current = round(float(sums[a] @ sums[b]) / int(sizes[a] * sizes[b]), 5)
        if current < threshold:
            continue
        if current < -value:
            heapq.heappush(heap, (-current, a, b))
            continue
        sums[a] += sums[b]
        sizes[a] += sizes[b]
        parent[b] = a
    roots = np.array([_root(parent, index) for index in range(len(vectors))], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1]


def _root(parent: np.ndarray, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index
