"""HDBSCAN (Campello et al. 2013) with clusters of two and more, on a graph of nearest neighbours.

The spanning tree of the graph stands for that of all distances; the neighbours that the index missed and distances
beyond the nearest neighbours are what is lost. From there on it is the method: the tree's hierarchy, and out of it the
clusters of most excess of mass (section 4). Libraries hold all distances or cost the square of the number of clusters.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree

from vitrail.labels.clustering.nearest_neighbours import NeighbourGraph, find_neighbours

__all__ = ["cluster_by_density"]

_NEIGHBOURS = 10
_LEAST_DISTANCE = 1e-5  # of vectors that are alike; the density of a point is 1 / distance


def cluster_by_density(vectors: np.ndarray) -> np.ndarray:
    """int64 [N] cluster numbers, with gaps; what HDBSCAN calls noise stays alone.

    Args:
        vectors: float32 [N, D].
    """
    if len(vectors) < 3:
        return np.arange(len(vectors))
    graph = find_neighbours(vectors, _NEIGHBOURS)
    hierarchy = _Hierarchy(len(vectors))
    for i, j, distance in zip(*_spanning_forest(graph, len(vectors)), strict=True):
        hierarchy.merge(i, j, 1 / distance)
    hierarchy.close_roots(1 / max(float(graph.distance[-1]), _LEAST_DISTANCE))
    return hierarchy.labels()


def _spanning_forest(graph: NeighbourGraph, size: int) -> tuple[list[int], list[int], list[float]]:
    """Ends and length of each edge, the shortest first."""
    lengths = np.maximum(graph.distance, _LEAST_DISTANCE).astype(np.float64)
    forest = minimum_spanning_tree(sparse.csr_matrix((lengths, (graph.i, graph.j)), shape=(size, size))).tocoo()
    order = np.lexsort((forest.col, forest.row, forest.data))
    return forest.row[order].tolist(), forest.col[order].tolist(), forest.data[order].tolist()


class _Hierarchy:
    """The tree of merges, and how stable the clusters in it are.

    Nodes below `num_points` are points, the others merges. A merge of a cluster with a point goes on with the cluster;
    when two clusters merge both end, and it is known how stable they were.
    """

    def __init__(self, num_points: int) -> None:
        self._num_points = num_points
        self._parent = list(range(num_points))  # towards the root, for finding it
        self._size = [1] * num_points
        self._children: list[tuple[int, int]] = []
        self._density = [0.0] * num_points  # at which the cluster's points leave it, summed
        self._below = [0.0] * num_points  # most stability of clusters inside this one
        self._is_chosen = [False] * num_points  # more stable than what is inside

    def merge(self, i: int, j: int, density: float) -> None:
        """Joins the trees of two points; densities fall from call to call."""
        ends = self._root(i), self._root(j)
        node, clusters = len(self._parent), [end for end in ends if end >= self._num_points]
        for end in ends:
            self._parent[end] = node
        self._parent.append(node)
        self._children.append(ends)
        self._size.append(self._size[ends[0]] + self._size[ends[1]])
        self._is_chosen.append(False)
        if len(clusters) == 1:
            self._density.append(self._density[clusters[0]] + density)
            self._below.append(self._below[clusters[0]])
        else:
            self._density.append(self._size[node] * density)
            self._below.append(sum(self._close(cluster, density) for cluster in clusters))

    def close_roots(self, density: float) -> None:
        """Ends the trees of a forest at a density; the root of a single tree is no cluster."""
        roots = [node for node, parent in enumerate(self._parent) if node == parent]
        for root in roots if len(roots) > 1 else ():
            if root >= self._num_points:
                self._close(root, density)

    def labels(self) -> np.ndarray:
        """For each point the largest chosen cluster that holds it, else the point itself."""
        label = list(range(len(self._parent)))
        for node in range(len(self._parent) - 1, self._num_points - 1, -1):
            if self._is_chosen[node] or label[node] != node:
                for child in self._children[node - self._num_points]:
                    label[child] = label[node]
        return np.array(label[: self._num_points], dtype=np.int64)

    def _close(self, cluster: int, density: float) -> float:
        """The stability of a cluster that came up at this density, or of those inside when they have more."""
        own = self._density[cluster] - self._size[cluster] * density
        self._is_chosen[cluster] = own >= self._below[cluster]
        return max(own, self._below[cluster])

    def _root(self, node: int) -> int:
        parent = self._parent
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node
