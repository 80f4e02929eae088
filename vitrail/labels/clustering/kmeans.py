"""k-means with as many clusters as half the vectors and more: assignments look along a graph of nearest neighbours.

The method of Deng & Zhao (Fast k-means based on KNN Graph, 2017): a vector may join the clusters of its nearest
neighbours, so a round costs what the graph holds, however many clusters there are. The first centres are vectors
that lie apart, as in k-centre (Hochbaum & Shmoys 1985): of the closest two one is dropped until enough are left.
"""

import numpy as np
from scipy import sparse

from vitrail.labels.arrays import is_run_start
from vitrail.labels.clustering.nearest_neighbours import NeighbourGraph, distances, find_neighbours

__all__ = ["cluster_by_kmeans"]

_NEIGHBOURS = 10
_ROUNDS = 10


def cluster_by_kmeans(vectors: np.ndarray, num_clusters: int) -> np.ndarray:
    """int64 [N] cluster numbers from 0.

    Args:
        vectors: float32 [N, D].
        num_clusters: At least 1.
    """
    if num_clusters >= len(vectors):
        return np.arange(len(vectors))
    graph = find_neighbours(vectors, _NEIGHBOURS)
    labels = np.unique(_nearby_seeds(vectors, graph, num_clusters), return_inverse=True)[1]
    for _ in range(_ROUNDS):
        previous, labels = labels, _reassign(vectors, labels, graph)
        if np.array_equal(previous, labels):
            break
    return labels


def _nearby_seeds(vectors: np.ndarray, graph: NeighbourGraph, num_seeds: int) -> np.ndarray:
    """int64 [N], for each vector one of `num_seeds` that lie apart; a dropped seed's vectors go to the nearer one."""
    seeds = np.arange(len(vectors))
    nearby = seeds
    while True:
        kept = _drop_closest(graph, len(seeds), len(seeds) - num_seeds)
        nearby = kept[nearby]
        rows = np.unique(kept)
        seeds, nearby = seeds[rows], np.searchsorted(rows, nearby)
        if len(seeds) <= num_seeds:
            return seeds[nearby]
        graph = find_neighbours(vectors[seeds], _NEIGHBOURS)


def _drop_closest(graph: NeighbourGraph, size: int, surplus: int) -> np.ndarray:
    """int64 [size]: itself for a row that stays, for each dropped one the row that stands for it."""
    target = list(range(size))
    for i, j in zip(graph.i.tolist(), graph.j.tolist(), strict=True):
        if surplus and target[i] == i and target[j] == j:
            target[j] = i
            surplus -= 1
    kept = np.array(target)
    while (kept != kept[kept]).any():
        kept = kept[kept]
    return kept


def _reassign(vectors: np.ndarray, labels: np.ndarray, graph: NeighbourGraph) -> np.ndarray:
    """One round: each vector to the nearest centre among its own and those of its neighbours."""
    centres = _centres(vectors, labels)
    key = np.concatenate([graph.i * len(centres) + labels[graph.j], graph.j * len(centres) + labels[graph.i]])
    row, other = np.divmod(np.unique(key), len(centres))
    is_other = other != labels[row]
    row, other = row[is_other], other[is_other]
    away = distances(vectors, row, centres, other)
    own = distances(vectors, np.arange(len(vectors)), centres, labels)
    order = np.lexsort((other, away, row))
    best = order[is_run_start(row[order])]
    best = best[away[best] < own[row[best]]]
    result = labels.copy()
    result[row[best]] = other[best]
    own[row[best]] = away[best]
    return _refill(result, own, len(centres))


def _centres(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    count = np.bincount(labels)
    share = (1 / count[labels]).astype(np.float32)
    return sparse.csr_matrix((share, (labels, np.arange(len(labels)))), shape=(len(count), len(labels))) @ vectors


def _refill(labels: np.ndarray, own: np.ndarray, num_clusters: int) -> np.ndarray:
    """Clusters that lost all vectors start again at those farthest from their centres."""
    empty = np.flatnonzero(np.bincount(labels, minlength=num_clusters) == 0)
    labels[np.argsort(-own, kind="stable")[: len(empty)]] = empty
    return np.unique(labels, return_inverse=True)[1]
