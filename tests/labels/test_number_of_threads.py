"""What labels are made of has the same bytes with one thread as with two."""

import numpy as np
from threadpoolctl import threadpool_limits

from vitrail.labels.clustering.nearest_neighbours import _project
from vitrail.labels.dictionary.term_statistics import term_vectors

NUM_TERMS, NUM_IMAGES = 5_000, 11_000


def test_latent_vectors_do_not_depend_on_the_number_of_threads():
    rng = np.random.default_rng(0)
    term = np.minimum(rng.zipf(1.3, 80_000) - 1, NUM_TERMS - 1)
    image = (rng.integers(0, NUM_IMAGES // 40, 80_000) * 40 + term * 7) % NUM_IMAGES
    pairs = np.unique(term << 32 | image)
    found = {}
    for num_threads in (1, 2):
        with threadpool_limits(num_threads):
            terms, images = term_vectors(pairs, NUM_TERMS, NUM_IMAGES)
            found[num_threads] = terms.tobytes() + images.tobytes()
    assert found[1] == found[2]


def test_projections_do_not_depend_on_the_number_of_threads():
    vectors = np.random.default_rng(0).normal(size=(6_000, 384)).astype(np.float32)
    found = {}
    for num_threads in (1, 2):
        with threadpool_limits(num_threads):
            found[num_threads] = _project(vectors).tobytes()
    assert found[1] == found[2]
