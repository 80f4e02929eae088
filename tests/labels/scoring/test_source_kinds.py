"""New kinds of text: however many are declared, what was made before them goes on."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.signal_corpora import CONFIG, all_digests, copy_corpus, read_signals
from vitrail.contracts import text_sources
from vitrail.contracts.text_sources import TEXT_SOURCES, TextSource
from vitrail.corpus import build_corpus, open_corpus
from vitrail.errors import LabelError
from vitrail.labels import compare_scorers, derive_labels, open_labels, write_judgements
from vitrail.labels.scoring.annotation_features import COUNTED_FEATURES, FIRST_FEATURES, feature_names, source_feature
from vitrail.labels.scoring.scorers import BoostedScorer, train_scorer


def declare(monkeypatch, *names, **more):
    """Declares kinds of text beside those there are."""
    added = tuple(TextSource(name=name, **more) for name in names)
    monkeypatch.setattr(text_sources, "TEXT_SOURCES", (*TEXT_SOURCES, *added))


def judge(labels, path):
    """Judgements by the first letter of a phrase, of all phrases that a label set rests on."""
    votes = pa.concat_tables([labels.votes(shard) for shard in labels.manifest.shards])
    pairs = sorted(votes.group_by(["image_id", "term"]).aggregate([]).to_pylist(), key=str)
    write_judgements(path, pa.Table.from_pylist([pair | {"is_right": pair["term"][0] < "n"} for pair in pairs]))
    return str(path)


@pytest.fixture(scope="module")
def judged_labels(mini_corpus, plain_labels, tmp_path_factory):
    """A label set with a scorer that was trained on it, and its configuration."""
    folder = tmp_path_factory.mktemp("judged")
    config = replace(CONFIG, judgements=judge(open_labels(plain_labels), folder / "judgements.parquet"))
    derive_labels(mini_corpus, folder / "labels", config)
    return folder / "labels", config


def renamed_sources(mini_corpus, folder, names):
    """The mini corpus with its texts spread over other sources."""
    signals = read_signals(mini_corpus)
    sources = [names[number % len(names)] for number in range(signals.num_rows)]
    return copy_corpus(mini_corpus, folder, [signals.set_column(2, "source", pa.array(sources))])


@pytest.mark.parametrize("num_kinds", [12, 40, 300])
def test_any_number_of_kinds_is_declared_said_and_learned(
    mini_corpus, plain_labels, judged_labels, tmp_path, monkeypatch, num_kinds
):
    names = [f"kind_{number:03}" for number in range(num_kinds - len(TEXT_SOURCES))]
    declare(monkeypatch, *names)
    assert len(feature_names()) == len(COUNTED_FEATURES) + num_kinds
    corpus = renamed_sources(mini_corpus, tmp_path / "corpus", [*names, "undeclared"])
    manifest = derive_labels(corpus, tmp_path / "labels", replace(judged_labels[1], top_k=3))
    assert manifest.num_labels
    judged = pq.read_table(tmp_path / "labels" / "judged.parquet")
    assert {source_feature(name) for name in names} < set(judged.column_names)
    assert source_feature("undeclared") not in judged.column_names
    for name in (names[0], names[-1]):
        assert judged[source_feature(name)].to_numpy().max() == 1
    scorer = BoostedScorer(tmp_path / "labels" / "scorer.json")
    assert {source_feature(name) for name in names} < set(scorer.features)


def test_a_corpus_that_does_not_use_a_kind_keeps_its_bytes(
    mini_corpus, plain_labels, judged_labels, tmp_path, monkeypatch
):
    declare(monkeypatch, "caption_model", "comment", *(f"kind_{number}" for number in range(40)), trust=0.5)
    derive_labels(mini_corpus, tmp_path / "plain", CONFIG)
    assert all_digests(tmp_path / "plain") == all_digests(plain_labels)
    derive_labels(mini_corpus, tmp_path / "judged", judged_labels[1])
    assert all_digests(tmp_path / "judged") == all_digests(judged_labels[0])


def test_a_scorer_trained_before_a_kind_scores_as_it_did(mini_corpus, judged_labels, tmp_path, monkeypatch):
    labels, _ = judged_labels
    config = replace(CONFIG, scorer=str(labels / "scorer.json"))
    corpus = renamed_sources(mini_corpus, tmp_path / "corpus", ["title", "caption_model", "board"])
    derive_labels(corpus, tmp_path / "before", config)
    quality = compare_scorers(open_labels(labels))
    declare(monkeypatch, "comment", "caption_model")
    derive_labels(corpus, tmp_path / "after", config)
    assert all_digests(tmp_path / "after") == all_digests(tmp_path / "before")
    assert compare_scorers(open_labels(labels)) == quality  # trained on the features that were judged


def test_a_scorer_of_a_kind_that_is_gone_still_reads_its_texts(mini_corpus, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        declare(patch, "comment")
        names = feature_names()
        table = np.random.default_rng(0).random((200, len(names)), dtype=np.float32)
        train_scorer(names, table, table[:, names.index("in_comment")] > 0.5, tmp_path / "scorer.json")
    corpus = renamed_sources(mini_corpus, tmp_path / "corpus", ["comment", "title"])
    derive_labels(corpus, tmp_path / "labels", replace(CONFIG, scorer=str(tmp_path / "scorer.json"), min_score=0.0))
    votes = pa.concat_tables([open_labels(tmp_path / "labels").votes(shard) for shard in ("00000", "00001")])
    scores = {source: [] for source in ("comment", "title")}
    for row in votes.to_pylist():
        scores[row["source"]].append(row["score"])
    assert np.mean(scores["comment"]) > np.mean(scores["title"])


def test_a_scorer_that_names_no_features_reads_those_of_its_time(mini_corpus, judged_labels, tmp_path, monkeypatch):
    """As scorers were written before: without names, and with a column for each of seven kinds, used or not."""
    kinds = ("title", "description", "alt_text", "keyword", "board", "query", "url")
    names = (*FIRST_FEATURES, *map(source_feature, kinds))
    table = np.random.default_rng(0).random((300, len(names)), dtype=np.float32)
    train_scorer(names, table, table[:, names.index("in_title")] > 0.5, tmp_path / "named.json")
    model = json.loads((tmp_path / "named.json").read_text())
    model["learner"]["feature_names"] = []
    (tmp_path / "nameless.json").write_text(json.dumps(model))
    declare(monkeypatch, "comment")
    assert BoostedScorer(tmp_path / "nameless.json").features == names
    for name in ("named", "nameless"):
        derive_labels(mini_corpus, tmp_path / name, replace(CONFIG, scorer=str(tmp_path / f"{name}.json")))
    sidecars = [open_labels(tmp_path / name).sidecar("00000") for name in ("named", "nameless")]
    assert sidecars[0].equals(sidecars[1])
    model["learner"]["feature_names"] = [*names[:-1], "mood"]
    (tmp_path / "other.json").write_text(json.dumps(model))
    with pytest.raises(LabelError, match=r"other\.json reads the feature 'mood' and is no scorer of labels; name the"):
        BoostedScorer(tmp_path / "other.json")


def test_what_a_kind_is_decides_how_its_column_is_read_and_how_far_it_is_trusted(mini_corpus, tmp_path, monkeypatch):
    declare(monkeypatch, "comment", columns=("remarks",), is_list=True, trust=0.25)
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(open_corpus(mini_corpus).read_bytes(["openmoji-1F91D-1F3FC"])[0])
    (folder / "metadata.csv").write_text('file_name,label,remarks\na.png,x,"a red kite; the sea"\n')
    build_corpus(str(folder), tmp_path / "corpus")
    (path,) = open_corpus(tmp_path / "corpus").signal_files()
    rows = pq.read_table(path).to_pylist()
    assert {(row["source"], row["text"]) for row in rows} == {("comment", "a red kite"), ("comment", "the sea")}
    corpus = renamed_sources(mini_corpus, tmp_path / "mini", ["comment"])
    scores = {}
    for name, weights in (("declared", {}), ("told", {"comment": 1.0})):
        derive_labels(corpus, tmp_path / name, replace(CONFIG, source_weights=weights, min_score=0.0))
        scores[name] = np.mean(open_labels(tmp_path / name).votes("00000")["score"].to_numpy())
    assert scores["declared"] < scores["told"] / 2
