"""Clusters of term vectors behind one interface: average linkage along given pairs, k-means, HDBSCAN.

    agglomerative  average linkage (Sokal & Michener 1958) over candidate pairs: time and memory grow with the pairs
    kmeans         mini-batch k-means (Sculley 2010); above BLOCK vectors inside neighbourhoods of about that size
    hdbscan        HDBSCAN (Campello et al. 2013), inside neighbourhoods as well: its cost grows with the square

Neighbourhoods are cells of a coarse k-means over the leading principal directions. Groups that lie across the border
of two cells are not found, which is the price of a cost that grows in proportion to the vocabulary.
`make bench-clustering` measures each arm up to MAX_TERMS.
"""

import heapq
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans, MiniBatchKMeans
from sklearn.utils.extmath import randomized_svd

from vitrail.errors import LabelError

__all__ = ["BLOCK", "MAX_TERMS", "cluster_terms", "merge_pairs"]

MAX_TERMS = 1_000_000  # what the benchmark has shown, of each arm
BLOCK = 2000  # vectors of a neighbourhood

_SEED = 0
_DIMENSIONS = 32  # densities and distances say little in hundreds of dimensions
_COARSE_DIMENSIONS = 64
_SAMPLE = 50_000  # vectors that principal directions and neighbourhoods are fitted to
_CHUNK = 65_536  # vectors or pairs at once
_DIGITS = 5  # similarities are compared rounded, so that the order of additions cannot turn a decision


def cluster_terms(
    arm: str, vectors: np.ndarray, pairs: np.ndarray, *, threshold: float, num_clusters: int | None
) -> np.ndarray:
    """Clusters by the arm's name.

    Args:
        arm: `agglomerative`, `kmeans` or `hdbscan`.
        vectors: float32 [N, D]; of unit length for `agglomerative`.
        pairs: int64 [P, 2] rows that may end in one cluster; only `agglomerative` looks at them.
        threshold: Least average cosine similarity of a cluster (`agglomerative`).
        num_clusters: Of `kmeans`; None takes half of N.

    Returns:
        int64 [N] cluster numbers from 0.

    Raises:
        LabelError: There are more vectors than MAX_TERMS.
    """
    if len(vectors) > MAX_TERMS:
        raise LabelError(
            f"clustering={arm!r} was shown to hold {MAX_TERMS:,} terms, here are {len(vectors):,}: use a larger "
            "min_term_images or clustering='none'"
        )
    arms: dict[str, Callable[[], np.ndarray]] = {
        "agglomerative": lambda: merge_pairs(vectors, pairs, threshold),
        "kmeans": lambda: _kmeans(vectors, num_clusters or -(-len(vectors) // 2)),
        "hdbscan": lambda: _density(vectors),
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
        current = round(float(total(a) @ total(b)) / int(sizes[a] * sizes[b]), _DIGITS)
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
        similarity = np.einsum("pd,pd->p", left, right).round(_DIGITS)
        good = similarity >= threshold
        heap += [(-value, i, j) for value, (i, j) in zip(similarity[good].tolist(), part[good].tolist(), strict=True)]
    heapq.heapify(heap)
    return heap


def _root(parent: np.ndarray, index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _kmeans(vectors: np.ndarray, num_clusters: int) -> np.ndarray:
    """k-means; neighbourhoods get a share of the clusters in proportion to their size."""
    if len(vectors) <= BLOCK:
        return _fit(vectors, num_clusters)
    labels, next_label = np.empty(len(vectors), dtype=np.int64), 0
    for rows, reduced in _neighbourhoods(vectors):
        share = max(round(num_clusters * len(rows) / len(vectors)), 1)
        share = min(share, len(np.unique(reduced, axis=0)))
        found = KMeans(share, n_init=1, max_iter=20, random_state=_SEED).fit_predict(reduced)
        labels[rows] = next_label + found
        next_label += share
    return labels


def _fit(vectors: np.ndarray, num_clusters: int) -> np.ndarray:
    model = MiniBatchKMeans(min(num_clusters, len(vectors)), random_state=_SEED, n_init=1, batch_size=4096)
    return model.fit_predict(vectors).astype(np.int64)


def _density(vectors: np.ndarray) -> np.ndarray:
    """HDBSCAN; what it calls noise stays alone."""
    if len(vectors) <= BLOCK:
        return _fit_density(_project(vectors, _DIMENSIONS))
    labels, next_label = np.empty(len(vectors), dtype=np.int64), 0
    for rows, reduced in _neighbourhoods(vectors):
        found = _fit_density(reduced[:, :_DIMENSIONS])
        labels[rows] = next_label + found
        next_label += int(found.max()) + 1
    return labels


def _fit_density(vectors: np.ndarray) -> np.ndarray:
    if len(vectors) < 3:
        return np.arange(len(vectors))
    found = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit_predict(vectors)
    return np.where(found >= 0, found, int(found.max()) + 1 + np.arange(len(found))).astype(np.int64)


def _project(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """float32 [N, at most `dimensions`]: along the leading principal directions of an even sample, strongest first."""
    sample = vectors[:: max(len(vectors) // _SAMPLE, 1)]
    _, _, directions = randomized_svd(sample, min(dimensions, *sample.shape), n_iter=3, random_state=_SEED)
    chunks = (vectors[start : start + _CHUNK] @ directions.T for start in range(0, len(vectors), _CHUNK))
    return np.concatenate([chunk.astype(np.float32) for chunk in chunks])


def _neighbourhoods(vectors: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of each neighbourhood, at most BLOCK, with their projections; every row is in one."""
    reduced = _project(vectors, _COARSE_DIMENSIONS)
    waiting = [np.arange(len(vectors))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= BLOCK:
            yield rows, reduced[rows]
            continue
        cells = _split(rows, reduced)
        if len(cells) == 1:  # vectors that are all alike
            cells = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        waiting += cells[::-1]


def _split(rows: np.ndarray, reduced: np.ndarray) -> list[np.ndarray]:
    num_cells = -(-2 * len(rows) // BLOCK)
    model = MiniBatchKMeans(num_cells, random_state=_SEED, n_init=1, batch_size=4096, max_iter=10)
    model.fit(reduced[rows[:: max(len(rows) // _SAMPLE, 1)]])
    chunks = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    cell = np.concatenate([model.predict(reduced[chunk]) for chunk in chunks])
    order = np.argsort(cell, kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(cell[order])) + 1)
    return [part for part in parts if len(part)]
