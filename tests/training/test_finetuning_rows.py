"""Rows, classes and shares of concepts that fine-tuning reads."""

import dataclasses
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.training_jobs import LINEAGE, finetune_config, pretrain_config, write_features
from vitrail.contracts.lineage import Lineage
from vitrail.corpus import open_corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.errors import ConfigError, LabelError, TrainingError
from vitrail.training import (
    pretrain_backbone,
)
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.finetuning_rows import class_weights, finetuning_rows, task_classes
from vitrail.training.stages import finetune_job


def test_class_weights_even_out_classes(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    labels = corpus.task_labels("skin_tone")
    tone = dict(zip(labels["image_id"].to_pylist(), labels["label"].to_pylist(), strict=True))
    rows = np.array([row for row in rows if corpus.index()["image_id"][int(row)].as_py() in tone])
    weights = class_weights(corpus, "skin_tone", rows, 1.0)
    mass: dict[str, float] = {}
    for row, weight in zip(rows, weights, strict=True):
        label = tone[corpus.index()["image_id"][int(row)].as_py()]
        mass[label] = mass.get(label, 0.0) + weight
    assert list(mass.values()) == pytest.approx([len(rows) / len(mass)] * len(mass))


def test_proxies_are_for_training_labels_only(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    classes = task_classes(corpus, "concept", rows)
    all_labels = set(corpus.task_labels("concept")["label"].to_pylist())
    assert 0 < len(classes) < len(all_labels)
    assert list(classes) == sorted(classes)


def test_smaller_shares_of_concepts_are_nested_and_whole(mini_corpus):
    corpus = open_corpus(mini_corpus)
    groups = np.array(corpus.splits()["group"].to_pylist())
    rows = {share: finetuning_rows(corpus, share) for share in (0.2, 0.5, 1.0)}
    assert set(rows[0.2]) < set(rows[0.5]) < set(rows[1.0])
    assert list(rows[1.0]) == list(train_rows(corpus, drop_evaluation_copies=False).rows())
    for share in (0.2, 0.5):
        kept = set(groups[rows[share]])
        assert set(rows[share]) == {row for row in rows[1.0] if groups[row] in kept}
        assert len(kept) / len(set(groups[rows[1.0]])) == pytest.approx(share, abs=0.15)


def test_concepts_that_are_left_out_are_left_out_of_every_task(mini_corpus):
    config = finetune_config(labelled_share=0.5)
    job = finetune_job(corpus=mini_corpus, labels=None, features=None, backbone=None, config=config, lineage=LINEAGE)
    kept = set(finetuning_rows(open_corpus(mini_corpus), 0.5).tolist())
    assignment = assign_finetuning(job)
    assert all(set(source.rows.tolist()) <= kept for source in assignment.sources)
    whole = assign_finetuning(dataclasses.replace(job, config=finetune_config()))
    pairs = zip(assignment.objective.tasks, whole.objective.tasks, strict=True)
    assert {own.name: own.num_classes < full.num_classes for own, full in pairs} == {
        "skin_tone": False,
        "category": False,
        "concept": True,
    }


def test_an_image_without_a_group_is_one_of_its_own(mini_corpus, tmp_path):
    shutil.copytree(mini_corpus, tmp_path / "corpus")
    splits = open_corpus(mini_corpus).splits()
    alone = splits.set_column(1, "group", pa.nulls(len(splits), pa.string()))
    pq.write_table(alone, tmp_path / "corpus" / "splits.parquet")
    kept = len(finetuning_rows(open_corpus(tmp_path / "corpus"), 0.5))
    assert kept / len(finetuning_rows(open_corpus(mini_corpus), 1.0)) == pytest.approx(0.5, abs=0.15)


def test_a_share_without_any_concept_is_refused(mini_corpus):
    with pytest.raises(TrainingError, match="labelled_share=1e-09 of the groups"):
        finetuning_rows(open_corpus(mini_corpus), 1e-9)


def test_weak_labels_of_the_features_stay_in_training(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(mini_corpus)
    write_features(tmp_path / "features", corpus, [1003, 1001])
    job = finetune_job(
        corpus=mini_corpus,
        labels=word_labels,
        features=tmp_path / "features",
        backbone=None,
        config=finetune_config(),
        lineage=LINEAGE,
    )
    assignment = assign_finetuning(job)
    specs = {spec.name: spec for spec in assignment.objective.model.specs}
    assert set(specs) == {"skin_tone", "category", "embedding", "annotations"}
    weak = assignment.sources[0].targets[-1]
    found = weak.lookup("00000", corpus.shard_index("00000")["image_id"].combine_chunks(), np.arange(10))
    labels = found["annotations"].numpy()
    assert {tuple(row[row >= 0]) for row in labels} <= {(), (3, 1)}
    assert (labels[:, 0] == 3).any()


def test_features_without_training_sets_are_refused(mini_corpus, word_labels, tmp_path):
    with pytest.raises(TrainingError, match="training_sets"):
        finetune_job(
            corpus=mini_corpus,
            labels=word_labels,
            features=tmp_path,
            backbone=None,
            config=finetune_config(),
            lineage=LINEAGE,
        )


def test_features_without_their_label_set_are_refused(mini_corpus, tmp_path):
    with pytest.raises(ConfigError, match="name their label set"):
        finetune_job(
            corpus=mini_corpus, labels=None, features=tmp_path, backbone=None, config=finetune_config(), lineage=LINEAGE
        )


def test_labels_of_another_corpus_are_refused(mini_corpus, word_labels, tmp_path):
    manifest = json.loads((word_labels / "labels.json").read_text())
    (tmp_path / "labels.json").write_text(json.dumps({**manifest, "corpus_digest": "0" * 64}))
    with pytest.raises(LabelError, match="derive the labels again"):
        pretrain_backbone(
            corpus=mini_corpus,
            labels=tmp_path,
            out=tmp_path / "out",
            work=tmp_path / "work",
            config=pretrain_config(),
            lineage=Lineage(run_id="test"),
        )
