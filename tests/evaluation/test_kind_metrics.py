"""Metrics of ordered classes and of several labels: scikit-learn's on random inputs."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    cohen_kappa_score,
    f1_score,
    mean_absolute_error,
    precision_score,
    recall_score,
)

from vitrail.errors import EvaluationError
from vitrail.evaluation.kinds.multilabel import evaluate_multilabel
from vitrail.evaluation.kinds.ordinal import evaluate_ordinal, middle_levels
from vitrail.evaluation.metrics import measure
from vitrail.evaluation.units import Units

SIZES = ("small", "medium", "large", "huge")
TAGS = ("red", "old", "wet", "torn", "rare")


def units_of(num):
    ids = np.array([f"image-{row:03d}" for row in range(num)])
    return Units(image_ids=ids, groups=ids, domains=np.full(num, ""))


def values_of(result):
    outcomes = [*result.outcomes, *result.extra_outcomes]
    metrics = {metric.name: metric for metric in measure(outcomes, num_resamples=100, seed=0)}
    assert all(metric.low <= metric.value <= metric.high or metric.low == metric.high for metric in metrics.values())
    return {name: metric.value for name, metric in metrics.items()}


def judge_sizes(labels, probabilities, head_classes=SIZES):
    return evaluate_ordinal(
        task="size",
        classes=SIZES,
        head_classes=head_classes,
        probabilities=np.asarray(probabilities, np.float32),
        labels=np.array(labels, dtype=np.str_),
        units=units_of(len(labels)),
    )


@pytest.mark.parametrize("seed", range(5))
def test_ordered_classes_are_judged_as_by_sklearn(seed):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(SIZES), 80)
    probabilities = generator.dirichlet(np.ones(len(SIZES)), 80)
    labels = np.array([*SIZES, ""])[np.where(generator.random(80) < 0.1, len(SIZES), truth)]
    is_labelled = labels != ""
    true, guess = truth[is_labelled], middle_levels(probabilities)[is_labelled]
    values = values_of(judge_sizes(labels, probabilities))
    assert values["size/accuracy"] == pytest.approx(accuracy_score(true, guess))
    assert values["size/mean_absolute_error"] == pytest.approx(mean_absolute_error(true, guess))
    assert values["size/quadratic_kappa"] == pytest.approx(cohen_kappa_score(true, guess, weights="quadratic"))
    assert values["size/macro_recall"] == pytest.approx(recall_score(true, guess, average="macro"))


def test_the_guess_is_the_middle_of_the_probability():
    """No other level is nearer to the truth on average, where levels are drawn as the model says."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), 200)
    levels = np.arange(5)
    distances = (probabilities[:, None, :] * np.abs(levels[:, None] - levels[None, :])).sum(axis=2)
    assert np.array_equal(middle_levels(probabilities), distances.argmin(axis=1))


def test_ordered_classes_of_another_head_are_shared_out():
    head = ("tiny", "medium", "large")
    result = judge_sizes(["medium", "large", "small"], [[0.6, 0.3, 0.1], [0.6, 0.1, 0.3], [1, 0, 0]], head)
    counts = np.array(result.confusion.counts)
    assert counts[SIZES.index("medium"), SIZES.index("medium")] == 1
    assert counts[SIZES.index("large"), SIZES.index("large")] == 1
    assert counts[SIZES.index("small")].tolist() == [0, 1, 0, 0]  # nothing left of it: the middle of all


def test_ordered_baselines_need_no_picture():
    result = judge_sizes(["small", "small", "large"], np.eye(4)[[0, 0, 2]])
    found = {(item.metric, item.kind): item.value for item in result.baselines}
    assert found["size/mean_absolute_error", "majority"] == pytest.approx(2 / 3)
    assert found["size/mean_absolute_error", "chance"] == pytest.approx((6 + 6 + 4) / 12)
    assert found["size/accuracy", "majority"] == pytest.approx(2 / 3)


def test_a_label_outside_the_ordered_classes_is_an_error():
    with pytest.raises(EvaluationError, match="giant"):
        judge_sizes(["giant"], np.eye(4)[[0]])
    assert judge_sizes(["", ""], np.eye(4)[[0, 1]]) is None


def judge_tags(marks, probabilities, head_classes=TAGS, frequency=(100, 60, 20, 15, 5)):
    return evaluate_multilabel(
        task="tags",
        classes=TAGS,
        head_classes=head_classes,
        probabilities=np.asarray(probabilities, np.float32),
        marks=np.asarray(marks, bool),
        frequency=np.array(frequency),
        units=units_of(len(marks)),
    )


@pytest.mark.parametrize("seed", range(5))
def test_several_labels_are_judged_as_by_sklearn(seed):
    generator = np.random.default_rng(seed)
    probabilities = (generator.integers(0, 20, (90, len(TAGS))) / 20).astype(np.float32)  # with ties
    marks = generator.random((90, len(TAGS))) < [0.5, 0.3, 0.2, 0.4, 0.05]
    marks[0] = True  # every label is there
    marks[1] = False  # counts as not labelled
    kept = marks.any(axis=1)
    true, given = marks[kept].astype(int), (probabilities[kept] >= 0.5).astype(int)
    values = values_of(judge_tags(marks, probabilities))
    for average in ("macro", "micro"):
        expected = average_precision_score(true, probabilities[kept], average=average)
        assert values[f"tags/{average}_average_precision"] == pytest.approx(expected)
        assert values[f"tags/{average}_f1"] == pytest.approx(f1_score(true, given, average=average))
    for column, name in enumerate(TAGS):
        expected = average_precision_score(true[:, column], probabilities[kept, column])
        assert values[f"tags/average_precision/{name}"] == pytest.approx(expected)
        for metric, score in (("recall", recall_score), ("precision", precision_score), ("f1", f1_score)):
            expected = score(true[:, column], given[:, column], zero_division=np.nan)
            if np.isfinite(expected):
                assert values[f"tags/{metric}/{name}"] == pytest.approx(expected)


def test_labels_without_a_test_image_are_no_part_of_a_mean():
    marks = np.zeros((6, len(TAGS)), bool)
    marks[:, 0] = marks[:3, 1] = True
    scores = np.zeros((6, len(TAGS)))
    scores[:, 0] = scores[:3, 1] = scores[:, 2] = 1
    values = values_of(judge_tags(marks, scores))
    assert values["tags/macro_average_precision"] == 1
    assert values["tags/macro_f1"] == 1
    assert "tags/f1/wet" not in values


@pytest.mark.parametrize("seed", range(3))
def test_bands_are_judged_as_by_sklearn(seed):
    generator = np.random.default_rng(seed)
    probabilities = generator.random((60, len(TAGS)))
    marks = generator.random((60, len(TAGS))) < 0.4
    marks[0] = True
    kept = marks.any(axis=1)
    values = values_of(judge_tags(marks, probabilities))
    bands = {"head": [0], "mid": [1, 2], "tail": [3, 4]}  # 100, 160 and 180 of 200 training images before each
    for band, columns in bands.items():
        expected = average_precision_score(
            marks[kept][:, columns].astype(int), probabilities[kept][:, columns].astype(np.float32), average="macro"
        )
        assert values[f"tags/macro_average_precision/{band}"] == pytest.approx(expected)


def test_a_band_without_a_test_image_is_not_measured():
    marks = np.zeros((6, len(TAGS)), bool)
    marks[:, 0] = True
    values = values_of(judge_tags(marks, np.ones((6, len(TAGS)))))
    assert values["tags/macro_average_precision/head"] == 1
    assert not {"tags/macro_average_precision/mid", "tags/macro_average_precision/tail"} & values.keys()


def test_labels_are_matched_by_name():
    marks = [[True, False, False, False, False], [False, True, False, False, False]]
    values = values_of(judge_tags(marks, [[0.9, 0.1], [0.2, 0.8]], head_classes=("old", "red")))
    assert values["tags/average_precision/red"] == 0.5  # the wrong way round
    values = values_of(judge_tags(marks, [[0.9], [0.2]], head_classes=("red",)))
    assert (values["tags/recall/red"], values["tags/recall/old"]) == (1, 0)


def test_no_labels_give_no_result():
    assert judge_tags(np.zeros((3, len(TAGS)), bool), np.zeros((3, len(TAGS)))) is None
