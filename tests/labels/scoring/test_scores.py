"""Features, scorers, aggregation."""

import resource
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.errors import LabelError
from vitrail.labels import LabelsConfig
from vitrail.labels.dictionary.terms import Terms
from vitrail.labels.scoring.aggregation import add_coarser_labels, aggregate_posts, best_labels, labels_of_terms
from vitrail.labels.scoring.annotation_features import build_annotations, feature_names
from vitrail.labels.scoring.evidence import ONE, combine, to_evidence
from vitrail.labels.scoring.mentions import unpack_mentions
from vitrail.labels.scoring.scorers import BoostedScorer, HeuristicScorer, load_scorer, train_scorer

FEATURES = feature_names()


def make_terms(count=4):
    return Terms(
        term=[f"t{index}" for index in range(count)],
        language=["en"] * count,
        num_images=np.full(count, 5),
        num_tokens=np.ones(count, dtype=np.int64),
        specificity=np.linspace(-1, 1, count).astype(np.float32),
        entropy=np.zeros(count, np.float32),
        query_rate=np.zeros(count, np.float32),
        vector=np.eye(count, 8, dtype=np.float32),
        label=np.arange(count)[None],
        closeness=np.ones((1, count), np.float32),
    )


def make_signals(rows):
    """rows: (row, post, source, weight, num_tokens, terms), and how much the text is the picture's own when not all."""
    rows = [(*row, 1.0)[:7] for row in rows]
    columns = list(zip(*rows, strict=True))
    return pa.record_batch(
        {
            "row": pa.array(columns[0], pa.int64()),
            "post_id": pa.array(columns[1]),
            "source": pa.array(columns[2]),
            "weight": pa.array(columns[3], pa.float32()),
            "num_tokens": pa.array(columns[4], pa.int32()),
            "terms": pa.array(columns[5], pa.list_(pa.int32())),
            "ownness": pa.array(columns[6], pa.float32()),
            "nested": pa.array([[False] * len(terms) for terms in columns[5]], pa.list_(pa.bool_())),
        }
    )


def annotate(rows, **weights):
    return build_annotations(unpack_mentions(make_signals(rows), 0, weights), make_terms(), FEATURES)


def feature(annotations, name):
    return annotations.features[:, FEATURES.index(name)].tolist()


def test_features_of_a_post():
    table = annotate(
        [(0, "p", "title", 1.0, 4, [1, 1, 2]), (0, "p", "alt", 0.5, 2, [1]), (1, "q", "alt", 1.0, 1, [1])],
        alt=0.8,
    )
    assert table.term.tolist() == [1, 2, 1]
    assert table.row.tolist() == [0, 0, 1]
    assert feature(table, "num_mentions") == [3, 1, 1]
    assert feature(table, "num_sources") == [2, 1, 1]
    assert feature(table, "source_share") == [1, 0.5, 1]
    assert feature(table, "trust") == pytest.approx([1, 1, 0.8])
    assert feature(table, "coverage") == [0.5, 0.25, 1]
    assert feature(table, "ownness") == [1, 1, 1]
    assert feature(table, "cosine") == [0, 0, 0]
    assert feature(table, "in_title") == [1, 1, 0]
    assert feature(table, "in_keyword") == [0, 0, 0]


def test_no_signals_make_no_annotations():
    batch = make_signals([(0, "p", "title", 1.0, 1, [0])]).slice(0, 0)
    assert not len(build_annotations(unpack_mentions(batch, 0, {}), make_terms(), FEATURES).term)


def heuristic_scores(rows):
    scorer = HeuristicScorer()
    table = build_annotations(unpack_mentions(make_signals(rows), 0, {}), make_terms(), scorer.features)
    return (scorer.score(table.features) / ONE).tolist()


def test_heuristic_prefers_agreement_coverage_trust_and_texts_of_few_pictures():
    def score(*signals):
        """One term; signals: (source, weight, num_tokens, ownness)."""
        return heuristic_scores([(0, "p", *signal[:3], [1], signal[3]) for signal in signals])[0]

    whole = score(("title", 1.0, 1, 1.0))
    assert whole == pytest.approx(0.75, abs=1e-4)
    assert score(("title", 0.5, 1, 1.0)) == pytest.approx(whole / 2, abs=1e-4)
    assert score(("title", 0.0, 1, 1.0)) == 0
    assert score(("title", 1.0, 1, 0.4)) == pytest.approx(whole * 0.4, abs=1e-4)
    assert whole > score(("title", 1.0, 2, 1.0)) > score(("title", 1.0, 20, 1.0)) > 0.1
    assert score(("title", 1.0, 1, 1.0), ("alt", 1.0, 1, 1.0)) == pytest.approx(1 - 0.25**2, abs=1e-4)
    assert score(("title", 1.0, 1, 1.0), ("title", 1.0, 9, 1.0)) == pytest.approx(whole, abs=1e-4)


def test_what_three_shared_texts_say_is_below_what_one_text_of_the_picture_says():
    """Term 1 in the title, the keywords and the folder of a theme, term 2 in a file name of two words."""
    shared = [
        (0, "p", source, 1.0, length, [1], 0.3) for source, length in (("board", 2), ("keyword", 3), ("title", 3))
    ]
    of_all, own = heuristic_scores([*shared, (0, "p", "file_name", 1.0, 2, [2], 1.0)])
    assert own > of_all


def judged_features():
    rng = np.random.default_rng(0)
    features = rng.random((400, len(FEATURES)), dtype=np.float32)
    features[:, FEATURES.index("trust")] = 1
    return features, features[:, FEATURES.index("coverage")] > 0.5


def test_boosted_trees_learn_judgements_and_survive_the_disk(tmp_path):
    features, is_right = judged_features()
    train_scorer(FEATURES, features, is_right, tmp_path / "scorer.json")
    scores = load_scorer(str(tmp_path / "scorer.json")).score(features)
    assert ((scores > ONE / 2) == is_right).mean() > 0.95
    assert scores.min() >= 0
    assert scores.max() <= ONE


def test_a_scorer_appears_whole_or_not_at_all(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # the disk is full in the midst of it
    try:
        with pytest.raises(OSError, match="File too large"):
            train_scorer(FEATURES, *judged_features(), tmp_path / "scorer.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_useless_scorers_are_refused(tmp_path):
    with pytest.raises(LabelError, match="alike"):
        train_scorer(FEATURES, np.zeros((3, len(FEATURES)), np.float32), np.ones(3, bool), tmp_path / "scorer.json")
    (tmp_path / "broken.json").write_text("no")
    with pytest.raises(LabelError, match=r"broken\.json cannot be read .*; name the scorer\.json") as error:
        BoostedScorer(tmp_path / "broken.json")
    assert "\n" not in str(error.value)


def test_evidence_is_the_noisy_or():
    scores = np.array([ONE // 2, ONE // 4])
    expected = 1 - (1 - scores[0] / ONE) * (1 - scores[1] / ONE)
    assert combine(to_evidence(scores).sum()) / ONE == pytest.approx(expected, abs=1e-4)


def aggregate(aggregation, scores=((0, 0, 7, 0.5), (0, 0, 7, 0.2), (0, 1, 7, 0.5), (0, 1, 8, 0.9))):
    row, post, label, score = (np.array(column) for column in zip(*scores, strict=True))
    return aggregate_posts(row, post, label, np.rint(score * ONE).astype(np.int64), aggregation)


def test_aggregations():
    result = {name: aggregate(name) for name in ("noisy_or", "log_mean", "sum")}
    assert (result["noisy_or"].score / ONE).round(2).tolist() == [0.9, 0.75]  # best first
    assert result["noisy_or"].label.tolist() == [8, 7]
    assert (result["sum"].score / ONE).round(2).tolist() == [1.0, 0.9]
    log_mean = dict(zip(result["log_mean"].label.tolist(), result["log_mean"].score / ONE, strict=True))
    assert log_mean[7] == pytest.approx(1 - np.exp(-0.5 * np.log2(3)), abs=1e-4)


@pytest.mark.parametrize("aggregation", ["noisy_or", "log_mean", "sum"])
def test_one_fair_post_is_enough_for_a_label_at_the_defaults(aggregation):
    labels = aggregate(aggregation, [(0, 0, 1, 0.2), (1, 1, 2, 1.0)])
    assert best_labels(labels, 1, LabelsConfig().min_score).all()
    assert labels.score[1] > ONE / 2
    many = aggregate(aggregation, [(0, post, 1, 0.2) for post in range(4)])
    assert many.score[0] > labels.score[0]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4), st.integers(0, ONE)), max_size=40),
    st.sampled_from(["noisy_or", "log_mean", "sum"]),
    st.randoms(use_true_random=False),
)
def test_order_of_annotations_does_not_matter(annotations, aggregation, random):
    annotations = [(row, row * 3 + post, label, score) for row, post, label, score in annotations]
    shuffled = random.sample(annotations, len(annotations))
    results = []
    for rows in (annotations, shuffled):
        columns = [np.array([item[index] for item in rows], dtype=np.int64) for index in range(4)]
        result = aggregate_posts(*columns, aggregation)
        results.append([result.row.tolist(), result.label.tolist(), result.score.tolist()])
    assert results[0] == results[1]


def test_best_labels_cut_rank_and_score():
    labels = aggregate("sum", [(0, 0, 1, 0.9), (0, 0, 2, 0.8), (0, 0, 3, 0.7), (1, 1, 1, 0.05)])
    assert best_labels(labels, 2, 0.1).tolist() == [True, True, False, False]


def test_a_coarser_label_is_as_sure_as_the_surest_that_it_joins_and_never_before_it():
    """Two posts say different terms of label 3; together they would be surer than either."""
    terms = replace(make_terms(3), label=np.array([[0, 1, 2], [-1, 3, 3]]))
    row, post = np.array([0, 0, 0]), np.array([0, 1, 1])
    finest = aggregate_posts(row, post, np.array([1, 2, 0]), np.array([40_000, 50_000, 45_000]), "noisy_or")
    labels = add_coarser_labels(finest, terms.label_levels)
    assert labels.label.tolist() == [2, 3, 0, 1]
    assert labels.score.tolist() == [50_000, 50_000, 45_000, 40_000]


def test_a_term_counts_in_the_label_of_each_level():
    labels = np.array([[0, 1, 2], [-1, 3, 3], [4, -1, 4]])
    position, label = labels_of_terms(labels, np.array([2, 0, 1]))
    assert list(zip(position.tolist(), label.tolist(), strict=True)) == [
        *((0, 2), (0, 3), (0, 4)),
        *((1, 0), (1, 4)),
        *((2, 1), (2, 3)),
    ]


def test_of_labels_with_equal_scores_the_finest_comes_first():
    labels = np.array([[1, 0, 2], [3, 4, 3], [5, 5, -1]])
    said, label = labels_of_terms(labels, np.array([0, 1]))
    nothing, score = np.zeros(len(said), np.int64), np.full(len(said), ONE // 2)
    assert aggregate_posts(nothing, nothing, label, score, "noisy_or").label.tolist() == [0, 1, 3, 4, 5]


def test_a_coarser_label_comes_first_when_more_posts_speak_for_it():
    said, label = labels_of_terms(np.array([[0, 1], [2, 2]]), np.array([0, 1]))
    score = np.full(len(said), ONE // 2)
    labels = aggregate_posts(np.zeros(len(said), np.int64), said, label, score, "noisy_or")
    assert labels.label.tolist() == [2, 0, 1]
