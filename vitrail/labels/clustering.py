"""Clusters of vectors: average linkage along given pairs, k-means, HDBSCAN.

Average linkage over given pairs: the average cosine between two groups of unit vectors is the dot product of
their sums over the product of their sizes, so a merge costs one vector addition and memory stays linear.
"""

import heapq

import numpy as np
from sklearn.cluster import HDBSCAN, MiniBatchKMeans
from sklearn.utils.extmath import randomized_svd

__all__ = ["density_clusters", "kmeans_clusters", "merge_pairs"]

_SEED = 0
_DENSITY_BLOCK = 10_000  # rows HDBSCAN sees at once: its cost grows with the square
_DENSITY_DIMENSIONS = 32  # densities say little in hundreds of dimensions
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


def kmeans_clusters(vectors: np.ndarray, num_clusters: int) -> np.ndarray:
    """int64 [N] cluster numbers of mini-batch k-means (Sculley 2010)."""
    model = MiniBatchKMeans(min(num_clusters, len(vectors)), random_state=_SEED, n_init=1, batch_size=4096)
    return model.fit_predict(vectors).astype(np.int64)


def density_clusters(vectors: np.ndarray) -> np.ndarray:
    """int64 [N] cluster numbers of HDBSCAN (Campello et al. 2013); what it calls noise stays alone.

    More than 10,000 vectors are split into neighbourhoods by k-means first.
    """
    num_blocks = -(-len(vectors) // _DENSITY_BLOCK)
    block = kmeans_clusters(vectors, num_blocks) if num_blocks > 1 else np.zeros(len(vectors), dtype=np.int64)
    labels = np.arange(len(vectors))
    next_label = len(vectors)
    for number in range(num_blocks):
        rows = np.flatnonzero(block == number)
        if len(rows) > 2:
            found = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit_predict(_reduce(vectors[rows]))
            labels[rows] = np.where(found >= 0, next_label + found, rows)
            next_label += int(found.max()) + 1
    return np.unique(labels, return_inverse=True)[1]


def _reduce(vectors: np.ndarray) -> np.ndarray:
    dimensions = min(_DENSITY_DIMENSIONS, *vectors.shape)
    left, strength, _ = randomized_svd(vectors, dimensions, n_iter=3, random_state=_SEED)
    return left * strength
