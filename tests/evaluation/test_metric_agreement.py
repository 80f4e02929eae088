"""Metrics of rankings and probabilities: torchmetrics' and scikit-learn's on random inputs, query by query."""

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, ndcg_score
from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error
from torchmetrics.functional.retrieval import (
    retrieval_average_precision,
    retrieval_hit_rate,
    retrieval_normalized_dcg,
    retrieval_precision,
    retrieval_recall,
)

from vitrail.evaluation.directions import ACROSS, WITHIN, Direction, find_directions, split_by_class, thin_queries
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.kinds.classification import evaluate_classification
from vitrail.evaluation.kinds.multilabel import evaluate_multilabel
from vitrail.evaluation.kinds.retrieval import evaluate_retrieval
from vitrail.evaluation.metrics import measure
from vitrail.evaluation.ranking import PRECISIONS, expected_of_chance, rank_gallery
from vitrail.evaluation.units import Units
from vitrail.models import pack_codes

RANKS = (1, 3, 10)
AT_K = {"p": retrieval_precision, "r": retrieval_recall, "cmc": retrieval_hit_rate}


def units_of(num, domains=None):
    ids = np.array([f"image-{row:03d}" for row in range(num)])
    return Units(image_ids=ids, groups=ids, domains=np.array(domains if domains is not None else [""] * num))


def vectors_of(generator, num, width=24):
    embeddings = generator.normal(size=(num, width)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Vectors(embeddings=embeddings, codes=pack_codes(embeddings))


def scores_of(precision, vectors, query, gallery):
    """As similar as a ranking should think, with equal codes in the order of the gallery."""
    ours, theirs = vectors.embeddings[query], vectors.embeddings[gallery]
    if precision == "binary":
        differ = ((ours > 0) != (theirs > 0)).sum(axis=1)
        return -differ - np.arange(len(gallery)) / (2.0 * len(gallery))
    return (np.where(theirs > 0, 1, -1) if precision == "asymmetric" else theirs).astype(np.float64) @ ours


def searched(direction, row):
    """The gallery of one query: positions in the split."""
    if direction.apart is None:
        return direction.gallery
    return direction.gallery[direction.apart.gallery != direction.apart.queries[row]]


def expected_by_query(direction, labels, vectors, precision):
    """Name, query and value of every metric as others compute it; queries without a match have none."""
    for row, query in enumerate(direction.queries.tolist()):
        gallery = searched(direction, row)
        is_match = labels[gallery] == labels[query]
        if not is_match.any():
            continue
        scores = scores_of(precision, vectors, query, gallery)
        scores += 1 - scores.min()  # torchmetrics takes no match for one whose score is not above 0
        tensors = (torch.tensor(scores), torch.tensor(is_match))
        for k, (name, function) in itertools.product(RANKS, AT_K.items()):
            yield (
                f"{name}_at_{k}",
                query,
                float(function(*tensors, top_k=min(k, len(gallery))))
                * (min(k, len(gallery)) / k if name == "p" else 1),
            )
        average_precision = float(retrieval_average_precision(*tensors))
        assert average_precision == pytest.approx(average_precision_score(is_match, scores), abs=1e-6)
        yield "mean_average_precision", query, average_precision
        ndcg = float(retrieval_normalized_dcg(tensors[0], tensors[1].long()))
        assert ndcg == pytest.approx(ndcg_score([is_match], [scores]) if len(gallery) > 1 else 1, abs=1e-6)
        yield "ndcg", query, ndcg


DOMAINS = {WITHIN: 1, "paired": 3, ACROSS: 6}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("num_domains", DOMAINS.values(), ids=DOMAINS)
@pytest.mark.parametrize("is_restricted", [False, True], ids=["whole gallery", "own category"])
def test_every_query_is_ranked_as_by_others(precision, num_domains, is_restricted):
    generator = np.random.default_rng(num_domains)
    labels = np.array([*"aabbcddef", ""])[generator.integers(0, 10, 60)]
    units = units_of(60, generator.integers(0, num_domains, 60).astype(str))
    vectors = vectors_of(generator, 60)
    directions = find_directions(units, labels)
    if is_restricted:
        classes = np.array(["k", "m", ""])[generator.integers(0, 3, 60)]
        directions = [part for direction in directions for part in split_by_class(direction, classes)]
    num_compared = 0
    for direction in directions:
        ranking = rank_gallery(direction, labels, vectors, precision, max(RANKS))
        measured = ranking.measure(RANKS)
        row_of = {query: row for row, query in enumerate(ranking.queries.tolist())}
        for name, query, value in expected_by_query(direction, labels, vectors, precision):
            assert measured[name][row_of[query]] == pytest.approx(value, abs=1e-6), (name, query)
            num_compared += 1
    assert num_compared > 200


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_metric_is_the_mean_over_directions_of_its_queries(precision):
    generator = np.random.default_rng(7)
    labels = generator.choice(list("abcdefgh"), 50)
    units, vectors = units_of(50, generator.choice(["l", "r"], 50)), vectors_of(generator, 50)
    result = evaluate_retrieval(
        task="concept",
        labels=labels,
        vectors=vectors,
        units=units,
        categories={},
        ranks=RANKS,
        max_queries=100,
        num_pictured=0,
        num_neighbours=1,
        seed=0,
    )
    values = {metric.name: metric.value for metric in measure(result.outcomes, num_resamples=100, seed=0)}
    means = {}
    for direction in find_directions(units, labels):
        by_name = {}
        for name, _, value in expected_by_query(direction, labels, vectors, precision):
            by_name.setdefault(name, []).append(value)
        for name, found in by_name.items():
            assert values[f"concept/{precision}/{name}/{direction.name}"] == pytest.approx(np.mean(found), abs=1e-6)
            means.setdefault(name, []).append(np.mean(found))
    for name, found in means.items():
        assert values[f"concept/{precision}/{name}"] == pytest.approx(np.mean(found), abs=1e-6)


def test_a_query_that_is_its_own_twin_alone_is_not_counted():
    labels = np.array(["a", "b", "b"])
    rows = np.arange(3)
    direction = find_directions(units_of(3), labels)[0]
    assert direction.queries.tolist() == rows.tolist()
    ranking = rank_gallery(direction, labels, vectors_of(np.random.default_rng(0), 3), "float", 2)
    assert ranking.queries.tolist() == [1, 2]
    assert not (ranking.neighbours == ranking.queries[:, None]).any()


def test_chance_is_the_mean_over_random_orders():
    generator = np.random.default_rng(3)
    labels = generator.choice(list("aaabbc"), 18)
    direction = find_directions(units_of(18), labels)[0]
    drawn = [rank_gallery(direction, labels, vectors_of(generator, 18), "float", max(RANKS)) for _ in range(1500)]
    expected = expected_of_chance(drawn[0], RANKS)
    means = {name: np.mean([ranking.measure(RANKS)[name].mean() for ranking in drawn]) for name in expected}
    assert set(means) == set(drawn[0].measure(RANKS))
    for name, value in expected.items():
        assert means[name] == pytest.approx(value, abs=0.012), name


def test_chance_is_certain_where_everything_matches():
    labels = np.full(5, "a")
    ranking = rank_gallery(
        find_directions(units_of(5), labels)[0], labels, vectors_of(np.random.default_rng(0), 5), "float", 3
    )
    assert expected_of_chance(ranking, (1, 3)) == {
        "p_at_1": 1,
        "p_at_3": 1,
        "r_at_1": pytest.approx(1 / 4),
        "r_at_3": pytest.approx(3 / 4),
        "cmc_at_1": 1,
        "cmc_at_3": 1,
        "mean_average_precision": pytest.approx(1),
        "ndcg": pytest.approx(1),
    }


def test_sampled_queries_are_the_same_for_every_model_and_near_the_whole():
    generator = np.random.default_rng(5)
    labels = generator.choice([f"label-{number}" for number in range(40)], 1200)
    direction = find_directions(units_of(1200), labels)[0]
    first, again = (thin_queries(direction, labels, max_queries=300, seed=4) for _ in range(2))
    assert first.queries.tolist() == again.queries.tolist()
    assert len(first.queries) == len(first.apart.queries) == 300
    assert len(first.gallery) == 1200
    vectors = vectors_of(generator, 1200)
    whole, part = (rank_gallery(it, labels, vectors, "float", 10) for it in (direction, first))
    place = {query: row for row, query in enumerate(whole.queries.tolist())}
    rows = [place[query] for query in part.queries.tolist()]
    for name, values in part.measure(RANKS).items():
        assert values == pytest.approx(whole.measure(RANKS)[name][rows], abs=1e-6)


def test_queries_without_a_match_are_never_drawn():
    labels = np.array(["a", "a", *(f"only-{number}" for number in range(50))])
    direction = find_directions(units_of(52), labels)[0]
    assert thin_queries(direction, labels, max_queries=2, seed=0).queries.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_of_classes_are_calibrated_as_by_torchmetrics(seed):
    generator = np.random.default_rng(seed)
    classes = ("red", "green", "blue", "black")
    probabilities = generator.dirichlet(np.ones(4) / 2, 300).astype(np.float32)
    truth = generator.integers(0, 4, 300)
    result = evaluate_classification(
        task="colour",
        classes=classes,
        head_classes=classes,
        probabilities=probabilities,
        labels=np.array(classes)[truth],
        units=units_of(300),
    )
    values = {metric.name: metric for metric in measure(result.extra_outcomes, num_resamples=100, seed=0)}
    expected = multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(truth), num_classes=4, n_bins=15)
    assert values["colour/calibration_error"].value == pytest.approx(float(expected), abs=1e-5)
    assert values["colour/calibration_error"].num_units == 300
    bins = result.reliability.bins
    assert sum(found.num_guesses for found in bins) == 300
    error = sum(found.num_guesses * abs(found.share_right - found.mean_probability) for found in bins) / 300
    assert error == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_of_labels_are_calibrated_as_by_torchmetrics(seed):
    generator = np.random.default_rng(seed)
    classes = ("old", "wet", "torn")
    probabilities = generator.random((200, 3)).astype(np.float32)
    marks = generator.random((200, 3)) < probabilities**2
    result = evaluate_multilabel(
        task="tags",
        classes=classes,
        head_classes=classes,
        probabilities=probabilities,
        marks=marks,
        frequency=np.array([50, 20, 10]),
        units=units_of(200),
    )
    values = {metric.name: metric.value for metric in measure(result.extra_outcomes, num_resamples=100, seed=0)}
    kept = marks.any(axis=1)
    expected = binary_calibration_error(
        torch.tensor(probabilities[kept].ravel()), torch.tensor(marks[kept].ravel()).long(), n_bins=15
    )
    assert values["tags/calibration_error"] == pytest.approx(float(expected), abs=1e-5)


def test_a_certain_guess_has_a_bin():
    result = evaluate_classification(
        task="colour",
        classes=("red", "green"),
        head_classes=("red", "green"),
        probabilities=np.array([[1, 0], [0, 1]], np.float32),
        labels=np.array(["red", "red"]),
        units=units_of(2),
    )
    assert [(found.mean_probability, found.share_right) for found in result.reliability.bins] == [(1.0, 0.5)]
    assert math.isclose(measure(result.extra_outcomes[:1], num_resamples=100, seed=0)[0].value, 0.5)


def test_directions_keep_their_parts_when_queries_are_taken():
    direction = find_directions(units_of(4), np.array(list("aabb")))[0]
    taken = direction.of_queries(np.array([1, 3]))
    assert isinstance(taken, Direction)
    assert (taken.queries.tolist(), taken.apart.queries.tolist(), taken.gallery.tolist()) == (
        [1, 3],
        [1, 3],
        [0, 1, 2, 3],
    )
