"""Vectors of texts: the same bytes whatever their order."""

import numpy as np
import pytest

from vitrail.labels.text.encoder import load_encoder

TEXTS = [f"{word} {' '.join(['of the sea'] * (row % 7))}" for row, word in enumerate(["whale", "apple", "guitar"] * 90)]


def test_vectors_do_not_depend_on_order_or_repetition():
    encoder = load_encoder()
    texts = sorted(set(TEXTS))
    order = np.random.default_rng(0).permutation(len(TEXTS))
    expected = dict(zip(texts, encoder.encode(texts), strict=True))
    found = encoder.encode([TEXTS[row] for row in order])
    assert found.tobytes() == np.array([expected[TEXTS[row]] for row in order]).tobytes()
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.encode([]).shape == (0, found.shape[1])
