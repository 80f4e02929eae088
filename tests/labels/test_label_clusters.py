"""The clustering arms: what they find, the same answer for the same input, and where they stop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vitrail.labels.clustering as clustering
from vitrail.errors import LabelError
from vitrail.labels.clustering import cluster_terms

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


def cluster(arm, vectors, pairs, num_clusters=None):
    return cluster_terms(arm, vectors, pairs, threshold=0.7, num_clusters=num_clusters)


def pair_scores(labels):
    """Precision and recall of the pairs that lie in one cluster."""
    counts = np.unique(np.stack([labels, np.arange(len(labels)) // SIZE]), axis=1, return_counts=True)[1]
    found = np.bincount(labels)
    both = (counts * (counts - 1)).sum()
    return both / max((found * (found - 1)).sum(), 1), both / (len(labels) * (SIZE - 1))


@pytest.mark.parametrize(
    ("arm", "precision", "recall"), [("agglomerative", 1, 1), ("kmeans", 0.6, 0.6), ("hdbscan", 0.9, 0.9)]
)
@pytest.mark.parametrize("block", [2000, 150])
def test_planted_groups_are_found_in_one_neighbourhood_and_in_many(monkeypatch, arm, precision, recall, block):
    monkeypatch.setattr(clustering, "BLOCK", block)
    vectors, pairs = planted(200)
    found = pair_scores(cluster(arm, vectors, pairs, num_clusters=200))
    assert found[0] >= precision
    assert found[1] >= recall


@pytest.mark.parametrize("arm", ARMS)
def test_the_same_input_gives_the_same_clusters(monkeypatch, arm):
    monkeypatch.setattr(clustering, "BLOCK", 100)
    vectors, pairs = planted(100)
    first = cluster(arm, vectors, pairs)
    np.testing.assert_array_equal(first, cluster(arm, vectors.copy(), pairs.copy()))
    assert set(first) == set(range(first.max() + 1))


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
    monkeypatch.setattr(clustering, "BLOCK", 100)
    vectors = np.ones((count, 8), np.float32) / np.float32(8**0.5)
    pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    labels = cluster(arm, vectors, pairs)
    assert len(labels) == count


@pytest.mark.parametrize("arm", ARMS)
def test_more_terms_than_an_arm_was_shown_to_hold_are_refused(monkeypatch, arm):
    monkeypatch.setattr(clustering, "MAX_TERMS", 11)
    vectors, pairs = planted(4)
    with pytest.raises(LabelError, match=f"clustering='{arm}' was shown to hold 11 terms, here are 12: use"):
        cluster(arm, vectors, pairs)
