"""Rows and weights of images that pretraining reads."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from builders.training_jobs import LINEAGE, pretrain_config
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.corpus.reader.balance import balance_weights
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.errors import CorpusError, LabelError
from vitrail.training.pretraining import assign_pretraining
from vitrail.training.pretraining_rows import pretraining_rows, pretraining_weights
from vitrail.training.stages import pretrain_job


def test_rows_are_those_of_the_split(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    assert set(corpus.splits()["split"].take(pa.array(rows)).to_pylist()) == {"train"}
    assert len(rows) == corpus.splits()["split"].to_pylist().count("train")


def test_copies_of_evaluation_images_are_dropped(mini_corpus, monkeypatch):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=True).rows()
    held_out = pc.index(corpus.splits()["split"], "test").as_py()
    digests = corpus.index()["digest"].to_pylist()
    digests[rows[0]] = digests[held_out]
    _, *rest = starts = np.cumsum([0, *(shard.num_images for shard in corpus.manifest.shards)])
    indices = {
        shard.name: corpus.shard_index(shard.name).set_column(6, "digest", pa.array(digests[start:stop]))
        for shard, start, stop in zip(corpus.manifest.shards, starts, rest, strict=False)
    }
    monkeypatch.setattr(corpus, "index_columns", lambda shard, *names: indices[shard].select(names))
    np.testing.assert_array_equal(train_rows(corpus, drop_evaluation_copies=True).rows(), rows[1:])


def test_splits_in_another_order_are_refused(mini_corpus, tmp_path):
    folder = shutil.copytree(mini_corpus, tmp_path / "corpus")
    splits = open_corpus(folder).splits()
    pq.write_table(splits.sort_by([("image_id", "descending")]), folder / "splits.parquet")
    with pytest.raises(CorpusError, match="does not have the images of shard 00000 in its order"):
        train_rows(open_corpus(folder), drop_evaluation_copies=False)


def test_rows_are_worked_out_once_and_whole(mini_corpus, word_labels, tmp_path, monkeypatch):
    corpus, targets = open_corpus(mini_corpus), SidecarTargets(word_labels)
    config = pretrain_config(balance="uniform")
    for name in ("index", "splits"):
        monkeypatch.setattr(Corpus, name, None)  # a billion rows at once

    def fail_half_way(*args, **options):
        yield np.ones(10)
        raise LabelError("a sidecar is gone")

    monkeypatch.setattr("vitrail.training.pretraining_rows.balance_weights", fail_half_way)
    rows = pretraining_rows(corpus, targets, config, tmp_path)
    with pytest.raises(LabelError, match="a sidecar is gone"):
        pretraining_weights(corpus, targets, config, rows, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".rows"]
    monkeypatch.setattr("vitrail.training.pretraining_rows.balance_weights", balance_weights)
    weights = pretraining_weights(corpus, targets, config, rows, tmp_path)
    assert len(weights) == len(rows)
    monkeypatch.setattr(Corpus, "index_columns", None)
    again = pretraining_rows(corpus, targets, config, tmp_path)
    np.testing.assert_array_equal(again.rows(), rows.rows())
    np.testing.assert_array_equal(pretraining_weights(corpus, targets, config, again, tmp_path), weights)


@pytest.mark.parametrize("balance", ["natural", "square_root", "uniform"])
def test_the_recipe_balances_pretraining_by_weights(mini_corpus, word_labels, balance, tmp_path):
    config = pretrain_config(balance=balance, balance_threshold=0.5)
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE)
    (source,) = assign_pretraining(job, tmp_path).sources
    if balance == "natural":
        assert source.sample_weights is None
        return
    targets = SidecarTargets(word_labels)
    parts = balance_weights(source.corpus, targets, balance, threshold=0.5, selection=source.rows)
    expected = np.concatenate(list(parts))
    np.testing.assert_array_equal(source.sample_weights, expected)
    assert 1 <= expected.min() < expected.max()
