"""Statistics of replicates: drawing a group twice is having its rows twice, as scikit-learn counts them."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, cohen_kappa_score, f1_score

from vitrail.contracts.evaluation import STATISTICS
from vitrail.gates import Outcomes, estimate, point
from vitrail.gates.statistics import prepare

NUM_ROWS, NUM_GROUPS, STRATA = 60, 12, ("a", "b", "c")


def outcomes_of(statistic, values, references, strata=None):
    ids = np.array([f"u{row:03d}" for row in range(len(values))])
    return Outcomes(
        metric="task/metric",
        statistic=statistic,
        units=ids,
        groups=np.array([f"g{row % NUM_GROUPS:02d}" for row in range(len(values))]),
        strata=np.full(len(values), "") if strata is None else strata,
        values=np.asarray(values, np.float64),
        references=np.asarray(references, np.float64),
    )


def rows_of(seed):
    """Levels given and true, scores with ties, whether they are relevant, and a stratum."""
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 8, NUM_ROWS) / 8
    strata = np.array(STRATA)[np.arange(NUM_ROWS) // NUM_GROUPS % len(STRATA)]  # every group is in every stratum
    return (
        generator.integers(0, 4, NUM_ROWS),
        generator.integers(0, 4, NUM_ROWS),
        scores,
        generator.random(NUM_ROWS) < 0.4,
        strata,
    )


def by_sklearn(statistic, values, references, strata):
    if statistic == "kappa":
        return cohen_kappa_score(references, values, weights="quadratic")
    if statistic == "pooled_average_precision":
        return average_precision_score(references, values)
    parts = [(values[strata == name], references[strata == name]) for name in STRATA]
    if statistic == "average_precision":
        return np.mean([average_precision_score(theirs, ours) for ours, theirs in parts if theirs.any()])
    if statistic == "calibration":
        return sum(abs(len(ours) * (ours.mean() - theirs.mean())) for ours, theirs in parts) / len(values)
    if statistic == "gap":
        ratios = [ours.sum() / theirs.sum() for ours, theirs in parts]
        return max(ratios) - min(ratios)
    # values are 2 TP, references guesses plus truths: `parts` of F1
    return np.mean([ours.sum() / theirs.sum() for ours, theirs in parts])


@pytest.mark.parametrize(
    "statistic", ["kappa", "average_precision", "pooled_average_precision", "mean_ratio", "calibration", "gap"]
)
@pytest.mark.parametrize("seed", range(3))
def test_replicates_are_repeated_rows(statistic, seed):
    given, true, scores, is_relevant, strata = rows_of(seed)
    columns = (scores, is_relevant.astype(int)) if "precision" in statistic else (given, true)
    if statistic == "calibration":
        columns = (is_relevant.astype(float), scores)
    if statistic in ("mean_ratio", "gap"):
        columns = (2 * (is_relevant & (scores > 0.5)), is_relevant.astype(int) + (scores > 0.5))
    outcomes = outcomes_of(statistic, *columns, strata)
    weights = np.random.default_rng(seed).multinomial(NUM_GROUPS, np.full(NUM_GROUPS, 1 / NUM_GROUPS), size=20)
    found = prepare(outcomes).compute(weights.astype(float))
    for replicate, counts in zip(found, weights, strict=True):
        rows = np.repeat(np.arange(NUM_ROWS), counts[np.arange(NUM_ROWS) % NUM_GROUPS])
        expected = by_sklearn(statistic, columns[0][rows], columns[1][rows], strata[rows])
        assert replicate == pytest.approx(expected, abs=1e-12)
    assert point(outcomes) == pytest.approx(by_sklearn(statistic, *columns, strata), abs=1e-12)


def test_blocks_of_replicates_do_not_change_a_ranking(monkeypatch):
    _, _, scores, is_relevant, strata = rows_of(0)
    outcomes = outcomes_of("average_precision", scores, is_relevant, strata)
    whole = estimate(outcomes, num_resamples=100, seed=0)
    monkeypatch.setattr("vitrail.gates.statistics._MAX_CELLS", 50)
    assert estimate(outcomes, num_resamples=100, seed=0) == whole
    assert whole.low < whole.value < whole.high


def test_the_order_of_rows_does_not_matter():
    _, _, scores, is_relevant, strata = rows_of(1)
    for statistic in STATISTICS:
        outcomes = outcomes_of(statistic, scores, is_relevant, strata)
        shuffled = outcomes.take(np.random.default_rng(0).permutation(NUM_ROWS))
        ours, theirs = (estimate(item, num_resamples=100, seed=0) for item in (outcomes, shuffled))
        assert dataclasses.astuple(ours) == pytest.approx(dataclasses.astuple(theirs))


def test_what_is_not_defined_is_not_a_number():
    ones = np.ones(4)
    assert np.isnan(point(outcomes_of("kappa", ones, ones)))  # no variance: 0 / 0
    for statistic in ("average_precision", "pooled_average_precision"):
        assert np.isnan(point(outcomes_of(statistic, ones, 0 * ones)))
    assert f1_score([1], [1]) == point(outcomes_of("mean_ratio", [2.0], [2.0])) == 1
