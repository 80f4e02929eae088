"""Clusters of term vectors behind one interface: average linkage along given pairs, k-means, HDBSCAN.

    agglomerative  average linkage (Sokal & Michener 1958) over candidate pairs: time and memory grow with the pairs
    kmeans         k-means along a graph of nearest neighbours (`kmeans.py`)
    hdbscan        HDBSCAN on the spanning tree of such a graph (`density.py`)

`make bench-clustering` measures each arm up to MAX_TERMS.
"""

import heapq
from collections.abc import Callable

import numpy as np

from vitrail.errors import LabelError
from vitrail.labels.clustering.hdbscan import cluster_by_density
from vitrail.labels.clustering.kmeans import cluster_by_kmeans
from vitrail.labels.clustering.nearest_neighbours import DIGITS

__all__ = ["MAX_TERMS", "cluster_terms", "merge_pairs"]

MAX_TERMS = 1_000_000  # what the benchmark has shown

_CHUNK = 65_536  # pairs at once


def cluster_terms(
    arm: str, vectors: np.ndarray, pairs: np.ndarray, *, threshold: float, num_clusters: int | None
) -> np.ndarray:
    """Clusters by the arm's name.

    Args:
        arm: `agglomerative`, `kmeans` or `hdbscan`.
        vectors: float32 [N, D]; of unit length for `agglomerative`, of about one length for the others.
        pairs: int64 [P, 2] rows that may end in one cluster; only `agglomerative` looks at them.
        threshold: Least average cosine similarity of a cluster (`agglomerative`).
        num_clusters: Of `kmeans`; None takes half of N.

    Returns:
        int64 [N] cluster numbers from 0.

    Raises:
        LabelError: There are more vectors than the arms were shown to hold.
    """
    if len(vectors) > MAX_TERMS:
        raise LabelError(
            f"clustering={arm!r} was shown to hold {MAX_TERMS:,} terms, here are {len(vectors):,}: use a larger "
            "min_term_images or clustering='none'"
        )
    arms: dict[str, Callable[[], np.ndarray]] = {
        "agglomerative": lambda: merge_pairs(vectors, pairs, threshold),
        "kmeans": lambda: cluster_by_kmeans(vectors, num_clusters or -(-len(vectors) // 2)),
        "hdbscan": lambda: cluster_by_density(vectors),
    }
    return np.unique(arms[arm](), return_inverse=True)[1]


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
