"""Groups of terms that become one label.

Average linkage over given pairs: the average cosine between two groups of unit vectors is the dot product of
their sums over the product of their sizes, so a merge costs one vector addition and memory stays linear.
"""

import heapq

import numpy as np

__all__ = ["merge_pairs"]

_DIGITS = 5  # similarities are compared rounded, so that the order of additions cannot turn a decision


def merge_pairs(vectors: np.ndarray, pairs: np.ndarray, threshold: float) -> np.ndarray:
    """Average-linkage clusters along given pairs, the most similar first.

    A pair whose clusters have grown is scored again, as the average over all members, before it may merge.

    Args:
        vectors: float32 [N, D] of unit length.
        pairs: int64 [P, 2] rows that may end in one cluster.
        threshold: Least average cosine similarity at which two clusters merge.

    Returns:
        int64 [N]: cluster numbers, in the order of their first rows.
    """
    sums = vectors.astype(np.float64)
    sizes = np.ones(len(vectors), dtype=np.int64)
    parent = np.arange(len(vectors))
    similarity = np.einsum("pd,pd->p", sums[pairs[:, 0]], sums[pairs[:, 1]]).round(_DIGITS)
    good = similarity >= threshold
    heap = [(-value, i, j) for value, (i, j) in zip(similarity[good].tolist(), pairs[good].tolist(), strict=True)]
    heapq.heapify(heap)
    while heap:
        value, i, j = heapq.heappop(heap)
        a, b = sorted((_root(parent, i), _root(parent, j)))
        current = round(float(sums[a] @ sums[b]) / int(sizes[a] * sizes[b]), _DIGITS)
        if a == b or current < threshold:
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
