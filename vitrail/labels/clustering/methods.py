"""Clusters of term vectors behind one interface: average linkage along given pairs, k-means, HDBSCAN.

    agglomerative  average linkage over candidate pairs (`average_linkage.py`)
    kmeans         k-means along a graph of nearest neighbours (`kmeans.py`)
    hdbscan        HDBSCAN on the spanning tree of such a graph (`hdbscan.py`)

`make bench-clustering` measures each arm up to MAX_TERMS.
"""

from collections.abc import Callable

import numpy as np

from vitrail.errors import LabelError
from vitrail.labels.clustering.average_linkage import merge_pairs
from vitrail.labels.clustering.hdbscan import cluster_by_density
from vitrail.labels.clustering.kmeans import cluster_by_kmeans

__all__ = ["MAX_TERMS", "cluster_terms"]

MAX_TERMS = 1_000_000  # what the benchmark has shown


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
