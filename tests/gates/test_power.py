"""The smallest difference that a split tells: found in four of five such splits, and never less than goes unseen."""

import numpy as np
import pytest

from vitrail.gates import Outcomes, estimate_difference
from vitrail.gates.power import smallest_difference


def make(values, *, statistic="mean", groups=None, strata=None, references=None):
    units = np.array([f"image-{row:04d}" for row in range(len(values))])
    return Outcomes(
        metric="task/metric",
        statistic=statistic,
        units=units,
        groups=units if groups is None else np.asarray(groups),
        strata=np.full(len(values), "") if strata is None else np.asarray(strata),
        values=np.asarray(values, np.float64),
        references=np.ones(len(values)) if references is None else np.asarray(references, np.float64),
    )


def tells(first, second):
    return smallest_difference(first, second, estimate_difference(first, second, num_resamples=500, seed=0))


def draw_split(generator, num_units, gain):
    """Hits of two models of which the first is better by `gain`; they disagree on 40% of all images."""
    kind = generator.choice(4, num_units, p=[0.2 + gain / 2, 0.2 - gain / 2, 0.3, 0.3])
    return make(kind % 2 == 0), make((kind == 1) | (kind == 2))


def test_that_difference_is_found_in_about_four_of_five_splits():
    generator = np.random.default_rng(0)
    gain = tells(*draw_split(generator, 20_000, 0.0)) * np.sqrt(20_000 / 300)  # as 300 images tell it
    found = 0
    for seed in range(200):
        difference = estimate_difference(*draw_split(generator, 300, gain), num_resamples=300, seed=seed)
        found += difference.low > 0
    assert 0.72 < found / 200 < 0.88


def test_four_times_the_images_tell_half_the_difference():
    generator = np.random.default_rng(1)
    few, many = (tells(*draw_split(generator, num, 0.0)) for num in (500, 2000))
    assert many == pytest.approx(few / 2, rel=0.1)


@pytest.mark.parametrize("num_groups", [10, 60, 400])
def test_models_that_never_disagree_may_do_so_where_nobody_looked(num_groups):
    outcomes = make(np.ones(num_groups))
    unseen = tells(outcomes, outcomes)
    assert (1 - unseen) ** num_groups == pytest.approx(0.025)


def test_images_of_one_group_tell_no_more_than_one():
    outcomes = make(np.ones(400), groups=[f"group-{row // 20}" for row in range(400)])
    assert tells(outcomes, outcomes) == pytest.approx(1 - 0.025 ** (1 / 20))


def test_a_gap_rests_on_its_smallest_class():
    outcomes = make(np.ones(110), statistic="gap", strata=["large"] * 100 + ["small"] * 10)
    assert tells(outcomes, outcomes) == pytest.approx(1 - 0.025 ** (1 / 10))


def test_what_goes_unseen_is_in_the_unit_of_the_metric():
    levels = make(np.full(50, 3.0))
    assert tells(levels, levels) == pytest.approx(3 * (1 - 0.025 ** (1 / 50)))
    lift = make(np.ones(50), statistic="ratio", references=np.arange(50) < 25)
    assert tells(lift, lift) == pytest.approx(2 * (1 - 0.025 ** (1 / 50)))
