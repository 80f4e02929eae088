"""Point estimates and intervals against closed forms; draws depend on nothing but their arguments."""

import numpy as np
import pytest

from vitrail.gates import Outcomes, estimate, estimate_difference, outcomes_table, point, read_outcomes
from vitrail.gates.bootstrap import _draws, are_paired


def make(values, strata=None, groups=None, references=None, statistic="mean", metric="task/accuracy"):
    units = np.array([f"image-{i:05d}" for i in range(len(values))])
    return Outcomes(
        metric=metric,
        statistic=statistic,
        units=units,
        groups=units if groups is None else np.array(groups),
        strata=np.array(strata if strata is not None else [""] * len(values)),
        values=np.array(values, dtype=np.float64),
        references=np.array(references if references is not None else np.ones(len(values)), dtype=np.float64),
    )


def test_mean_of_one_stratum_is_the_mean():
    assert point(make([1, 0, 0, 1, 1])) == pytest.approx(0.6)


def test_strata_count_equally_whatever_their_size():
    assert point(make([1, 1, 1, 0], strata=["a", "a", "a", "b"])) == pytest.approx(0.5)


def test_gap_is_best_minus_worst_stratum():
    outcomes = make([1, 1, 1, 0, 1, 0, 0, 0], strata=list("aabbbbcc"), statistic="gap")
    assert point(outcomes) == pytest.approx(1.0)


def test_ratio_divides_the_means_of_strata():
    outcomes = make([1, 0, 1], strata=["x", "x", "y"], references=[1, 1, 1], statistic="ratio")
    assert point(outcomes) == pytest.approx(0.75)


def test_ratio_over_nothing_is_undefined():
    result = estimate(make([0, 0], references=[0, 0], statistic="ratio"), num_resamples=100, seed=0)
    assert np.isnan([result.value, result.low, result.high]).all()


def test_interval_agrees_with_the_normal_approximation():
    values = (np.arange(1000) % 4 == 0).astype(float)
    result = estimate(make(values), num_resamples=4000, seed=1)
    half = 1.96 * np.sqrt(0.25 * 0.75 / 1000)
    assert result.low == pytest.approx(0.25 - half, abs=0.004)
    assert result.high == pytest.approx(0.25 + half, abs=0.004)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(7)
    covered = 0
    for seed in range(200):
        result = estimate(make(generator.random(150) < 0.3), num_resamples=400, seed=seed)
        covered += result.low <= 0.3 <= result.high
    assert 0.89 <= covered / 200 <= 0.99


def test_units_of_a_group_widen_the_interval():
    values = np.repeat(np.arange(50) % 2, 6)
    alone = estimate(make(values), num_resamples=2000, seed=0)
    grouped = estimate(make(values, groups=np.repeat(np.arange(50), 6).astype(str)), num_resamples=2000, seed=0)
    assert grouped.high - grouped.low == pytest.approx(np.sqrt(6) * (alone.high - alone.low), rel=0.12)


def test_same_seed_gives_the_same_interval_and_row_order_does_not_matter():
    outcomes = make(np.random.default_rng(3).random(60), strata=["a", "b", "c"] * 20)
    shuffled = outcomes.take(np.random.default_rng(4).permutation(60))
    first, second = (estimate(item, num_resamples=300, seed=5) for item in (outcomes, shuffled))
    assert first.low == pytest.approx(second.low, abs=1e-12)
    assert first.high == pytest.approx(second.high, abs=1e-12)
    assert first != estimate(outcomes, num_resamples=300, seed=6)


def test_a_rare_class_that_is_not_drawn_leaves_the_replicate():
    outcomes = make([1] * 20 + [0], strata=["a"] * 20 + ["rare"])
    result = estimate(outcomes, num_resamples=500, seed=0)
    assert result.value == pytest.approx(0.5)
    assert (result.low, result.high) == (0.5, 1.0)


def test_blocks_of_draws_are_complete(monkeypatch):
    monkeypatch.setattr("vitrail.gates.bootstrap._MAX_CELLS", 64)
    monkeypatch.setattr("vitrail.gates.bootstrap._MAX_KEPT_CELLS", 100)
    blocks = list(_draws(10, 25, seed=0))
    assert sum(len(block) for block in blocks) == 25
    assert all((block.sum(axis=1) == 10).all() for block in blocks)


def test_draws_that_are_kept_are_those_that_are_drawn_anew(monkeypatch):
    kept = np.concatenate(list(_draws(10, 25, seed=3)))
    monkeypatch.setattr("vitrail.gates.bootstrap._MAX_KEPT_CELLS", 0)
    assert np.array_equal(kept, np.concatenate(list(_draws(10, 25, seed=3))))


def test_difference_of_a_model_to_itself_is_exactly_zero():
    outcomes = make(np.random.default_rng(0).random(80))
    result = estimate_difference(outcomes, outcomes, num_resamples=500, seed=0)
    assert (result.value, result.low, result.high) == (0.0, 0.0, 0.0)


def test_pairing_narrows_the_interval():
    generator = np.random.default_rng(0)
    champion = (generator.random(400) < 0.5).astype(float)
    challenger = champion.copy()
    challenger[:10] = 1
    paired = estimate_difference(make(challenger), make(champion), num_resamples=1000, seed=0)
    alone = estimate(make(champion), num_resamples=1000, seed=0)
    assert paired.high - paired.low < 0.5 * (alone.high - alone.low)


def test_pairs_need_the_same_units_strata_groups_and_statistic():
    outcomes = make([1, 0, 1], strata=["a", "a", "b"])
    assert are_paired(outcomes, outcomes.take(np.array([2, 0, 1])))
    assert not are_paired(outcomes, outcomes.take(np.array([0, 1])))
    assert not are_paired(outcomes, make([1, 0, 1], strata=["a", "b", "b"]))
    assert not are_paired(outcomes, make([1, 0, 1], strata=["a", "a", "b"], statistic="gap"))
    assert not are_paired(outcomes, make([1, 0, 1], strata=["a", "a", "b"], groups=["g", "g", "h"]))


def test_outcomes_survive_their_file(tmp_path):
    import pyarrow.parquet as pq

    written = make([1, 0, 1], strata=["a", "a", "b"], groups=["g", "g", "h"], metric="tone/recall_gap", statistic="gap")
    plain = make([0.5, 1, 0])
    pq.write_table(outcomes_table([written, plain]), tmp_path / "outcomes.parquet")
    read = read_outcomes(tmp_path / "outcomes.parquet", "tone/recall_gap")
    assert are_paired(read, written)
    assert read.values.tolist() == written.values.tolist()
    assert read_outcomes(tmp_path / "outcomes.parquet", "task/accuracy").strata.tolist() == ["", "", ""]
    assert read_outcomes(tmp_path / "outcomes.parquet", "tone") is None
