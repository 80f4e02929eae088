"""Which terms name the same thing: by the images they share, the encoder, and as translations."""

import numpy as np
import pytest

from vitrail.labels import LabelsConfig
from vitrail.labels.clustering.grouping import group_terms, image_overlap, join_translations, translation_links


def pairs_of(image_sets):
    return np.unique([term << 32 | image for term, images in enumerate(image_sets) for image in images])


def test_terms_join_when_images_and_encoder_agree():
    names = ["rabbit", "bunny", "light skin tone", "dark skin tone", "rocket"]
    images = [range(10), range(9), range(10, 20), range(20, 30), range(10)]
    labels, closeness = group_terms(names, ["en"] * 5, pairs_of(images), np.eye(5, dtype=np.float32), LabelsConfig())
    assert labels.shape == (2, 5)
    assert (labels[1] == -1).all()  # all are frequent enough
    labels = labels[0]
    assert labels[0] == labels[1]
    assert closeness[0].tolist() == pytest.approx([0.9**0.5, 0.9**0.5, 1, 1, 1], abs=1e-4)
    assert len({labels[0], labels[2], labels[3], labels[4]}) == 4


def test_translations_join_their_best_match_only():
    names = ["cat", "animal", "gato", "katze", "tier"]
    language = np.array([0, 0, 1, 2, 2])
    cats, animals = range(10), range(30)
    overlap = image_overlap(pairs_of([cats, animals, cats, cats, animals]), len(names))
    labels = join_translations(np.arange(5), translation_links(overlap, language), language == 0)
    assert labels[0] == labels[2] == labels[3]
    assert labels[1] == labels[4]
    assert labels[0] != labels[1]
