import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.corpus.reader.blend import Blend
from vitrail.errors import ConfigError

WEIGHTS = st.lists(st.floats(0.05, 1.0), min_size=1, max_size=6)


@given(WEIGHTS, st.integers(0, 10**12), st.integers(0, 3000))
def test_cursors_count_the_sources(weights: list[float], start: int, size: int) -> None:
    blend = Blend(weights)
    owners = blend.sources(start, start + size)
    counts = np.bincount(owners, minlength=len(weights))
    assert (blend.cursors(start + size) - blend.cursors(start) == counts).all()
    assert blend.cursors(start).sum() == start


@given(WEIGHTS, st.integers(0, 10**6), st.integers(1, 5000))
def test_any_stretch_is_mixed_by_weight(weights: list[float], start: int, size: int) -> None:
    shares = np.array(weights) / sum(weights)
    counts = np.bincount(Blend(weights).sources(start, start + size), minlength=len(weights))
    assert np.abs(counts - shares * size).max() <= 2 + size / (256 * len(weights)) + len(weights)


def test_equal_weights_are_met_exactly() -> None:
    assert Blend([1, 1, 1]).cursors(3 * 10**9).tolist() == [10**9] * 3


@pytest.mark.parametrize("weights", [[], [0.0, 1.0], [-1.0], [float("nan")], [1.0, 1e-6]])
def test_unusable_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ConfigError, match="weight"):
        Blend(weights)
