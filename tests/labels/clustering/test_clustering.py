"""The clustering arms: what they find, the same answer for the same input, and where they stop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.metrics import adjusted_rand_score

from vitrail.errors import LabelError
from vitrail.labels.clustering import hdbscan, methods, nearest_neighbours
from vitrail.labels.clustering.hdbscan import cluster_by_density
from vitrail.labels.clustering.kmeans import cluster_by_kmeans
from vitrail.labels.clustering.methods import cluster_terms

ARMS = ("agglomerative", "kmeans", "hdbscan")
SIZE = 3  # vectors of a planted group


def planted(num_groups, seed=0):
    """Unit vectors around random centres, and as pairs all of each group and as many across groups."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(num_groups, 48)), SIZE, axis=0)
    vectors = centres + 0.2 * rng.normal(size=centres.shape)
    rows = np.arange(len(vectors)).reshape(-1, SIZE)
    inside = np.concatenate([rows[:, [0, 1]], rows[:, [0, 2]], rows[:, [1, 2]]])
    across = np.sort(rng.integers(0, len(vectors), (len(inside), 2)))
    pairs = np.concatenate([inside, across[across[:, 0] < across[:, 1]]])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), pairs


def use_exact_up_to(monkeypatch, count):
    """Above, neighbours come from the index."""
    monkeypatch.setattr(nearest_neighbours, "EXACT", count)


def cluster(arm, vectors, pairs, num_clusters=None):
    return cluster_terms(arm, vectors, pairs, threshold=0.7, num_clusters=num_clusters)


def pair_scores(labels):
    """Precision and recall of the pairs that lie in one cluster."""
    counts = np.unique(np.stack([labels, np.arange(len(labels)) // SIZE]), axis=1, return_counts=True)[1]
    found = np.bincount(labels)
    both = (counts * (counts - 1)).sum()
    return both / max((found * (found - 1)).sum(), 1), both / (len(labels) * (SIZE - 1))


@pytest.mark.parametrize(
    ("arm", "precision", "recall"), [("agglomerative", 1, 1), ("kmeans", 0.9, 0.9), ("hdbscan", 0.98, 0.98)]
)
@pytest.mark.parametrize("exact", [1000, 100])
def test_planted_groups_are_found_by_exact_neighbours_and_by_the_index(monkeypatch, arm, precision, recall, exact):
    use_exact_up_to(monkeypatch, exact)
    vectors, pairs = planted(300)
    found = pair_scores(cluster(arm, vectors, pairs, num_clusters=300))
    assert found[0] >= precision
    assert found[1] >= recall


@pytest.mark.parametrize("arm", ARMS)
def test_the_same_input_gives_the_same_clusters(monkeypatch, arm):
    use_exact_up_to(monkeypatch, 100)
    vectors, pairs = planted(1000)
    first = cluster(arm, vectors, pairs)
    np.testing.assert_array_equal(first, cluster(arm, vectors.copy(), pairs.copy()))
    assert set(first) == set(range(first.max() + 1))


@pytest.mark.parametrize("seed", range(8))
def test_with_all_neighbours_density_is_the_hdbscan_of_scikit_learn(monkeypatch, seed):
    monkeypatch.setattr(hdbscan, "_NEIGHBOURS", 1000)
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(150, 2 + seed % 3)).astype(np.float32)
    vectors[:70] += 4 * rng.integers(0, 4, (70, 1))
    expected = HDBSCAN(min_cluster_size=2, min_samples=1, copy=True).fit_predict(vectors)
    alone = expected.max() + 1 + np.arange(len(expected))
    assert adjusted_rand_score(cluster_by_density(vectors), np.where(expected >= 0, expected, alone)) == 1


def test_clusters_without_a_path_between_them_are_found():
    """Each has more points than a point has neighbours, so that the graph falls into two."""
    rng = np.random.default_rng(0)
    vectors = 0.01 * rng.normal(size=(60, 4)).astype(np.float32)
    vectors[30:] += 1
    labels = cluster_by_density(vectors)
    assert not set(labels[:30]) & set(labels[30:])
    assert len(np.unique(labels)) < 60


@pytest.mark.parametrize("num_clusters", [1, 7, 60, 400, 599, 600, 700])
def test_kmeans_along_the_graph_gives_the_number_asked_for_and_close_vectors(monkeypatch, num_clusters):
    use_exact_up_to(monkeypatch, 100)
    vectors, _ = planted(200)
    labels = cluster_by_kmeans(vectors, num_clusters)
    assert len(np.unique(labels)) == min(num_clusters, len(vectors))
    if num_clusters < len(vectors):
        reference = KMeans(num_clusters, n_init=1, random_state=0).fit(vectors).inertia_
        assert inertia(vectors, labels) <= 1.1 * reference


def inertia(vectors, labels):
    centres = np.stack([vectors[labels == label].mean(axis=0) for label in np.unique(labels)])
    return ((vectors - centres[np.unique(labels, return_inverse=True)[1]]) ** 2).sum()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_average_linkage_does_not_depend_on_the_order_of_pairs(num_groups, random):
    vectors, pairs = planted(num_groups)
    order = random.sample(range(len(pairs)), len(pairs))
    np.testing.assert_array_equal(
        cluster("agglomerative", vectors, pairs), cluster("agglomerative", vectors, pairs[order])
    )


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("count", [1, 2, 3, 500])
def test_vectors_that_are_all_alike_do_not_stop_an_arm(monkeypatch, arm, count):
    use_exact_up_to(monkeypatch, 100)
    vectors = np.ones((count, 8), np.float32) / np.float32(8**0.5)
    pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    labels = cluster(arm, vectors, pairs)
    assert len(labels) == count


@pytest.mark.parametrize("arm", ARMS)
def test_more_terms_than_the_arms_were_shown_to_hold_are_refused(monkeypatch, arm):
    monkeypatch.setattr(methods, "MAX_TERMS", 11)
    vectors, pairs = planted(4)
    with pytest.raises(LabelError, match=f"clustering='{arm}' was shown to hold 11 terms, here are 12: use"):
        cluster(arm, vectors, pairs)
