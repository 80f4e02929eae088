"""Metrics of tasks on small cases worked out by hand."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.errors import EvaluationError
from vitrail.evaluation.directions import find_directions
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.kinds.classification import evaluate_classification
from vitrail.evaluation.kinds.retrieval import evaluate_retrieval
from vitrail.evaluation.metrics import measure
from vitrail.evaluation.slices import read_buckets, slice_gap, slice_metric
from vitrail.evaluation.units import Units


def units_of(num, domains=None, groups=None):
    ids = np.array([f"image-{i:03d}" for i in range(num)])
    return Units(
        image_ids=ids,
        groups=ids if groups is None else np.array(groups),
        domains=np.array(domains if domains is not None else [""] * num),
    )


def values_of(result):
    outcomes = [*result.outcomes, *result.extra_outcomes]
    return {metric.name: metric.value for metric in measure(outcomes, num_resamples=100, seed=0)}


def baselines_of(result):
    return {(baseline.metric, baseline.kind): baseline.value for baseline in result.baselines}


def classify(labels, guesses, classes=("none", "light", "dark"), head_classes=None):
    head = tuple(head_classes or classes)
    probabilities = np.eye(len(head), dtype=np.float32)[[head.index(guess) for guess in guesses]]
    return evaluate_classification(
        task="tone",
        classes=classes,
        head_classes=head,
        probabilities=probabilities,
        labels=np.array(labels, dtype=np.str_),
        units=units_of(len(labels)),
    )


LABELS = ["none", "none", "none", "none", "light", "light", "dark", "dark", ""]
GUESSES = ["none", "none", "none", "light", "light", "light", "none", "dark", "dark"]


def test_classification_by_hand():
    values = values_of(classify(LABELS, GUESSES))
    assert values["tone/accuracy"] == pytest.approx(6 / 8)
    assert values["tone/recall/none"] == pytest.approx(3 / 4)
    assert values["tone/recall/light"] == 1
    assert values["tone/recall/dark"] == pytest.approx(1 / 2)
    assert values["tone/macro_recall"] == pytest.approx(3 / 4)
    assert values["tone/recall_gap"] == pytest.approx(1 / 2)
    assert values["tone/lift"] == pytest.approx((6 / 8) / (4 / 8))
    assert values["tone/precision/none"] == pytest.approx(3 / 4)
    assert values["tone/precision/light"] == pytest.approx(2 / 3)
    assert values["tone/f1/light"] == pytest.approx(4 / 5)
    assert values["tone/f1/dark"] == pytest.approx(2 / 3)


def test_confusion_counts_every_labelled_image_once():
    confusion = classify(LABELS, GUESSES).confusion
    assert confusion.counts == ((3, 1, 0), (0, 2, 0), (1, 0, 1))


def test_baselines_need_no_picture():
    baselines = baselines_of(classify(LABELS, GUESSES))
    assert baselines["tone/accuracy", "chance"] == pytest.approx(1 / 3)
    assert baselines["tone/accuracy", "majority"] == pytest.approx(1 / 2)
    assert baselines["tone/macro_recall", "majority"] == pytest.approx(1 / 3)


def test_a_class_without_test_images_or_guesses_has_no_metric():
    values = values_of(classify(["none", "light"], ["none", "none"]))
    assert "tone/recall/dark" not in values
    assert "tone/precision/light" not in values
    assert values["tone/recall_gap"] == 1


def test_one_class_has_no_gap():
    assert "tone/recall_gap" not in values_of(classify(["none"] * 3, ["none"] * 3))


def test_a_head_with_other_classes_is_matched_by_name():
    result = classify(["none", "light", "dark"], ["dark", "light", "old"], head_classes=("light", "dark", "old"))
    assert values_of(result)["tone/accuracy"] == pytest.approx(1 / 3)
    assert result.confusion.classes == ("none", "light", "dark", "old")
    assert result.confusion.counts[2][3] == 1


def test_a_label_outside_the_classes_is_an_error():
    with pytest.raises(EvaluationError, match="purple"):
        classify(["purple"], ["none"])


def test_no_label_gives_no_result():
    assert classify(["", ""], ["none", "none"]) is None


def retrieve(points, labels, domains=None, categories=None, num_pictured=4, max_queries=1000):
    angles = np.array(points, dtype=np.float64)
    embeddings = np.stack([np.cos(angles), np.sin(angles)] * 4, axis=1).astype(np.float32) / 2
    return evaluate_retrieval(
        task="concept",
        labels=np.array(labels, dtype=np.str_),
        vectors=Vectors(embeddings=embeddings, codes=np.packbits(embeddings > 0, axis=1)),
        units=units_of(len(points), domains),
        categories={name: np.array(classes, dtype=np.str_) for name, classes in (categories or {}).items()},
        ranks=(1, 5, 10),
        max_queries=max_queries,
        num_pictured=num_pictured,
        num_neighbours=3,
        seed=0,
    )


def test_retrieval_across_domains_by_hand():
    # Right lies 0.1 (a), 1.4 (c), 2.1 (b): from the left, a at 0 finds a, b at 1 finds c, c at 2 finds b.
    points = [0.0, 1.0, 2.0, 0.1, 1.4, 2.1]
    result = retrieve(points, ["a", "b", "c", "a", "c", "b"], ["l"] * 3 + ["r"] * 3)
    values = values_of(result)
    assert values["concept/float/p_at_1/l->r"] == pytest.approx(1 / 3)
    assert values["concept/float/p_at_1/r->l"] == pytest.approx(1 / 3)
    assert values["concept/float/p_at_1"] == pytest.approx(1 / 3)
    assert values["concept/float/p_at_5"] == pytest.approx(1 / 5)
    assert values["concept/float/r_at_10"] == 1
    assert baselines_of(result)["concept/float/p_at_1", "chance"] == pytest.approx(1 / 3)


def test_the_mean_over_directions_weighs_directions_equally():
    points = [0.0, 0.01, 0.02, 3.0, 0.0]
    result = retrieve(points, ["a", "a", "a", "b", "a"], ["l", "l", "l", "r", "r"])
    values = values_of(result)
    assert values["concept/float/p_at_1/l->r"] == 1
    assert values["concept/float/p_at_1/r->l"] == 1
    assert "b" not in result.outcomes[0].units  # nothing in the other domain matches it
    assert result.outcomes[0].num_units == 4


def test_one_domain_searches_itself_without_the_query():
    values = values_of(retrieve([0.0, 0.1, 2.0, 2.1], ["a", "a", "b", "b"]))
    assert values["concept/float/p_at_1"] == 1
    assert not any("->" in name for name in values)


def test_three_domains_have_six_directions():
    units = units_of(6, ["x", "y", "z"] * 2)
    names = {direction.name for direction in find_directions(units, np.array(["a"] * 6))}
    assert names == {"x->y", "y->x", "x->z", "z->x", "y->z", "z->y"}


def test_with_many_domains_a_query_searches_all_others_at_once():
    # 0.0 (v) is nearest to 0.05 of its own domain, which is not searched, then to 0.2: a match. 2.0 finds 2.1: none.
    points = [0.0, 0.05, 0.2, 2.0, 2.1, 3.0]
    labels, domains = ["a", "a", "a", "b", "a", "b"], ["v", "v", "w", "x", "y", "z"]
    result = retrieve(points, labels, domains)
    values = values_of(result)
    expected = {0: 1, 1: 1, 2: 1, 3: 0, 4: 0, 5: 0}
    assert values["concept/float/p_at_1"] == pytest.approx(sum(expected.values()) / 6)
    assert not any("->" in name or "across" in name for name in values)
    assert set(result.neighbours["direction"].to_pylist()) == {"across"}
    # Found by chance: two of the first two's four, three of the third's five, one of b's five, and so on.
    relevant, candidates = [2, 2, 3, 1, 3, 1], [4, 4, 5, 5, 5, 5]
    chance = np.mean([ours / all_ for ours, all_ in zip(relevant, candidates, strict=True)])
    assert baselines_of(result)["concept/float/p_at_1", "chance"] == pytest.approx(chance)


def test_a_match_in_the_own_domain_alone_is_no_query():
    domains = ["v", "v", "w", "x", "y", "z"]
    result = retrieve([0.0, 0.1, 1.0, 1.1, 2.0, 3.0], ["a", "a", "b", "b", "c", "d"], domains)
    assert result.outcomes[0].num_units == 2
    assert values_of(result)["concept/float/p_at_1"] == 1


def test_binary_ratio_is_binary_over_float():
    generator = np.random.default_rng(0)
    points = np.concatenate([np.linspace(0, 6, 30), np.linspace(0, 6, 30) + generator.normal(0, 0.1, 30)])
    result = retrieve(points, [str(i) for i in range(30)] * 2, ["l"] * 30 + ["r"] * 30)
    values = values_of(result)
    expected = values["concept/binary/p_at_1"] / values["concept/float/p_at_1"]
    assert values["concept/binary_ratio"] == pytest.approx(expected)
    assert values["concept/binary/p_at_1"] < values["concept/float/p_at_1"]


def test_float_queries_that_meet_codes_are_counted_as_one_would_by_hand():
    generator = np.random.default_rng(1)
    centres = generator.normal(size=(40, 12))
    vectors = np.concatenate([centres, centres + generator.normal(0, 1.2, (40, 12))])
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    result = evaluate_retrieval(
        task="concept",
        labels=np.array([f"{number % 40}" for number in range(80)]),
        vectors=Vectors(embeddings=embeddings, codes=np.packbits(embeddings > 0, axis=1)),
        units=units_of(80, ["l"] * 40 + ["r"] * 40),
        categories={},
        ranks=(1,),
        max_queries=1000,
        num_pictured=0,
        num_neighbours=1,
        seed=0,
    )
    hits = {"float": [], "asymmetric": []}
    for query in range(80):
        others = range(40, 80) if query < 40 else range(40)
        scores = {
            "float": [embeddings[query] @ embeddings[item] for item in others],
            "asymmetric": [embeddings[query] @ np.where(embeddings[item] > 0, 1, -1) for item in others],
        }
        for name, found in scores.items():
            hits[name].append(others[int(np.argmax(found))] % 40 == query % 40)
    values = values_of(result)
    for name, found in hits.items():
        assert values[f"concept/{name}/p_at_1"] == pytest.approx(np.mean(found))
    expected = np.mean(hits["asymmetric"]) / np.mean(hits["float"])
    assert values["concept/asymmetric_ratio"] == pytest.approx(expected)
    assert values["concept/binary_ratio"] < expected < 1


def test_search_within_a_category_skips_other_classes():
    points = [0.0, 1.0, 0.3, 0.1]
    labels, domains = ["a", "b", "a", "b"], ["l", "l", "r", "r"]
    values = values_of(retrieve(points, labels, domains, {"kind": ["k", "m", "k", "m"]}))
    assert values["concept/float/p_at_1/l->r"] == 0
    assert values["concept/float/p_at_1/within/kind"] == 1


def test_nothing_to_find_gives_no_result():
    assert retrieve([0.0, 1.0], ["a", "b"], ["l", "r"]) is None


def test_pictured_queries_are_drawn_and_ranked():
    points = np.linspace(0, 6, 40)
    table = retrieve(points, [str(i % 20) for i in range(40)], ["l"] * 20 + ["r"] * 20, num_pictured=5).neighbours
    assert len(set(table["query_id"].to_pylist())) == 5
    assert table["rank"].to_pylist() == [1, 2, 3] * 5
    similarities = np.array(table["similarity"].to_pylist()).reshape(5, 3)
    assert (np.diff(similarities, axis=1) <= 0).all()
    assert set(table["direction"].to_pylist()) == {"l->r", "r->l"}


@pytest.fixture
def features(tmp_path):
    (tmp_path / "training_sets").mkdir()
    table = pa.table(
        {
            "image_id": ["image-000", "image-001", "image-002", "image-003", "image-003"],
            "label": ["a"] * 5,
            "observed_at": pa.array([1, 1, 1, 1, 2], pa.timestamp("us", tz="UTC")),
            "num_signals": pa.array([None, 3, 12, 1, 40], pa.int64()),
            "language": [None, "en", "de", "en", "fr"],
        }
    )
    pq.write_table(table, tmp_path / "training_sets" / "tone.parquet")
    return tmp_path


def test_buckets_take_the_latest_row(features):
    buckets = read_buckets(features, "tone")
    assert list(buckets["signals"].values()) == ["0", "1-3", "10-29", "30+"]
    assert buckets["language"] == {
        "image-000": "none",
        "image-001": "en",
        "image-002": "de",
        "image-003": "fr",
    }


def test_a_task_without_a_training_set_has_no_slices(features):
    assert read_buckets(features, "other") == {}


def test_a_training_set_without_a_column_is_an_error(features):
    path = features / "training_sets" / "tone.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["language"]), path)
    with pytest.raises(EvaluationError, match="language"):
        read_buckets(features, "tone")


def test_slices_fold_what_is_rare():
    labels = ["none"] * 12
    outcomes = classify(labels, ["none"] * 6 + ["light"] * 6).outcomes[0]
    buckets = {unit: "en" if index < 8 else f"x{index}" for index, unit in enumerate(outcomes.units.tolist())}
    slices = slice_metric(outcomes, "language", buckets, min_units=3, num_resamples=100, seed=0)
    assert {item.bucket: (item.num_units, item.value) for item in slices} == {
        "en": (8, pytest.approx(6 / 8)),
        "other": (4, 0),
    }


def test_the_gap_is_between_the_best_and_the_worst_slice():
    outcomes = classify(["none"] * 12, ["none"] * 6 + ["light"] * 6).outcomes[0]
    names = ["en"] * 4 + ["de"] * 6 + ["x", "y"]
    buckets = dict(zip(outcomes.units.tolist(), names, strict=True))
    gap = slice_gap(outcomes, "language", buckets, min_units=2)
    found = measure([gap], num_resamples=100, seed=0)[0]
    assert (found.name, found.value) == ("tone/accuracy/gap/language", 1)  # all of en are right, none of the others
    assert slice_gap(outcomes, "language", dict.fromkeys(buckets, "en"), min_units=2) is None


def test_the_gap_of_a_ratio_is_between_ratios():
    outcomes = dataclasses.replace(
        classify(["none"] * 4, ["none"] * 4).outcomes[0],
        statistic="ratio",
        values=np.array([1.0, 1, 1, 3]),
        references=np.array([2.0, 2, 4, 4]),
    )
    buckets = dict(zip(outcomes.units.tolist(), ["a", "a", "b", "b"], strict=True))
    gap = slice_gap(outcomes, "kind", buckets, min_units=1)
    assert measure([gap], num_resamples=100, seed=0)[0].value == 0
    gap = slice_gap(dataclasses.replace(outcomes, values=np.array([2.0, 2, 1, 1])), "kind", buckets, min_units=1)
    assert measure([gap], num_resamples=100, seed=0)[0].value == pytest.approx(1 - 2 / 8)
