"""Distributions and their distance."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.validation.profile import bucket_counts, distance, shares

COUNTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 1000), min_size=1)


def test_buckets_double() -> None:
    counts = bucket_counts(np.array([0, 1, 2, 3, 4, 7, 8, 1023, 1024]))
    assert counts == {"0": 1, "1": 1, "2-3": 2, "4-7": 2, "8-15": 1, "512-1023": 1, "1024-2047": 1}


def test_rare_categories_are_taken_together() -> None:
    counts = Counter({"a": 6, "b": 2, "c": 1, "d": 1})
    assert shares(counts, 2) == {"a": 0.6, "b": 0.2, "(other)": 0.2}
    assert shares(Counter(), 2) == {}


def test_disjoint_is_one_and_a_known_value_between() -> None:
    assert distance({"a": 1.0}, {"b": 1.0}) == 1
    # Half of each moved: divergence 1 - H(1/4) + H(1/2) / 2 - ... = 0.311278 by hand
    assert distance({"a": 1.0}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.311278**0.5, abs=1e-5)


@given(COUNTS, COUNTS)
def test_distance_is_a_metric_in_the_unit_interval(left: dict[str, int], right: dict[str, int]) -> None:
    p, q = shares(left), shares(right)
    assert 0 <= distance(p, q) <= 1
    assert distance(p, q) == distance(q, p)
    assert distance(p, p) == 0
