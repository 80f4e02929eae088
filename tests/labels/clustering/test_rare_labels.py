"""Rare labels join their like, level by level, and nothing is lost for rarity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.errors import ConfigError
from vitrail.labels.clustering import rare_labels
from vitrail.labels.clustering.grouping import group_terms, join_inseparable
from vitrail.labels.clustering.rare_labels import join_rare_labels
from vitrail.labels.config import LabelsConfig


def pairs_of(images):
    return np.array(sorted(term << 32 | image for term, own in enumerate(images) for image in own), dtype=np.int64)


def images_of(labels, images):
    """Images of each label."""
    return [
        set().union(*(images[term] for term in np.flatnonzero(labels == label))) for label in range(labels.max() + 1)
    ]


def unit(vectors):
    vectors = np.array(vectors, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_rare_labels_join_the_nearest_and_frequent_ones_stay():
    images = [range(6), {10, 11}, {12, 13}, {20, 21}, {22, 23}]
    vectors = unit([[1, 0, 0.1], [1, 0.1, 0], [1, 0.2, 0], [0, 1, 0], [0, 1, 0.1]])
    labels = join_rare_labels(np.arange(5), pairs_of(images), vectors, 4)
    assert labels[1] == labels[2]
    assert labels[3] == labels[4]
    assert len({labels[0], labels[1], labels[3]}) == 3


def test_images_that_labels_share_count_once():
    images = [{1, 2}, {1, 2}, {3}, {4}]
    vectors = unit([[1, 0], [1, 0.01], [0, 1], [0.1, 1]])
    labels = join_rare_labels(np.arange(4), pairs_of(images), vectors, 3)
    assert len(set(labels)) == 1  # of two and two images neither has three


def test_a_late_comer_joins_what_was_joined():
    images = [{0, 1}, {2, 3}, {4}]
    labels = join_rare_labels(np.arange(3), pairs_of(images), unit([[1, 0], [1, 0.1], [0, 1]]), 4)
    assert len(set(labels)) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 30), min_size=1, max_size=6), min_size=1, max_size=40), st.integers(2, 12))
def test_no_term_is_lost_and_at_most_one_label_stays_rare(images, min_images):
    vectors = unit(np.random.default_rng(0).normal(size=(len(images), 5)))
    labels = join_rare_labels(np.arange(len(images)), pairs_of(images), vectors, min_images)
    assert set(labels.tolist()) == set(range(labels.max() + 1))
    sizes = [len(own) for own in images_of(labels, images)]
    assert sum(size < min_images for size in sizes) <= 1
    frequent = [term for term, own in enumerate(images) if len(own) >= min_images]
    assert len(set(labels[frequent].tolist())) == len(frequent)


def test_labels_on_the_same_few_images_are_one():
    images = [{1, 2}, {1, 2}, {1, 3}, range(10, 20), range(10, 20)]
    labels = join_inseparable(np.arange(5), pairs_of(images), 10)
    assert labels[0] == labels[1]
    assert len(set(labels.tolist())) == 4  # on ten images, chance does not explain what an encoder tells apart


def test_a_term_is_in_one_label_of_each_level_or_in_that_of_the_finer():
    images = [range(60), range(70, 90), {1, 2}, {3, 4}, {95, 96}, {97, 98}]
    names = ["animal", "bird", "whale", "dolphin", "guitar", "violin"]
    config = LabelsConfig(min_images=2, coarser_levels=(4, 30))
    vectors = unit(np.eye(6))
    labels, closeness = group_terms(names, ["en"] * 6, pairs_of(images), vectors, config)
    assert labels.shape == closeness.shape == (3, 6)
    assert len(set(labels[0].tolist())) == 6
    assert labels[1, 0] == labels[1, 1] == labels[2, 0] == -1  # frequent enough
    assert labels[1, 2] == labels[1, 3] != labels[1, 4] == labels[1, 5]  # sea animals, string instruments
    assert len(set(labels[2, 1:].tolist())) == 1
    used = [set(level[level >= 0].tolist()) for level in labels]
    assert len(set.union(*used)) == sum(map(len, used))


def test_levels_ascend():
    with pytest.raises(ConfigError, match="coarser_levels"):
        LabelsConfig(min_images=5, coarser_levels=(5,))


@pytest.mark.parametrize("num_labels", [300, 2500])  # below and above what is searched exactly
def test_labels_that_nothing_tells_apart_are_joined_evenly(num_labels):
    """Terms in no language of the encoder that share no images have no vector: none is nearer than another."""
    images = [{2 * label, 2 * label + 1} for label in range(num_labels)]
    labels = join_rare_labels(np.arange(num_labels), pairs_of(images), np.zeros((num_labels, 4), np.float32), 10)
    sizes = [len(found) for found in images_of(labels, images)]
    assert min(sizes) >= 10
    assert max(sizes) <= 40


def test_the_size_of_blocks_decides_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    images = [set(rng.integers(0, 500, 3).tolist()) for _ in range(300)]
    given_labels, vectors = rng.integers(0, 200, 300), unit(rng.normal(size=(300, 5)))
    whole = join_rare_labels(given_labels, pairs_of(images), vectors, 12)
    monkeypatch.setattr(rare_labels, "_CHUNK", 7)
    assert join_rare_labels(given_labels, pairs_of(images), vectors, 12).tolist() == whole.tolist()
