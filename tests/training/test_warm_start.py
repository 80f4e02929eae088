"""A model that goes on with another vocabulary: kept rows copied, merged rows averaged, new rows initialised."""

import dataclasses
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.training_jobs import LINEAGE, TRANSFORMS, TRUNK, finetune_config, pretrain_config, write_features
from vitrail.contracts.codec import save
from vitrail.contracts.labels import VOCABULARY_SCHEMA, LabelDiff
from vitrail.corpus import open_corpus
from vitrail.errors import TrainingError
from vitrail.labels import remap_head
from vitrail.models import VitrailModel, save_model
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.pretraining import annotation_head, assign_pretraining
from vitrail.training.stages import finetune_job, pretrain_job

HEAD = "annotations"


@pytest.fixture(scope="module")
def earlier(word_labels, tmp_path_factory):
    """A model that was pretrained on the word labels."""
    torch.manual_seed(7)
    model = VitrailModel(TRUNK, TRANSFORMS, (annotation_head(word_labels, activation="softmax"),))
    for parameter in model.heads[HEAD].parameters():
        torch.nn.init.normal_(parameter)
    digest = json.loads((word_labels / "labels.json").read_text())["digest"]
    folder = tmp_path_factory.mktemp("earlier") / "model"
    save_model(folder, model, dataclasses.replace(LINEAGE, labels_digest=digest))
    return folder, model


@pytest.fixture
def later_labels(word_labels, tmp_path):
    """The same images with another vocabulary in another order: the first label went into the second, one is new."""
    folder = shutil.copytree(word_labels, tmp_path / "later")
    manifest = json.loads((folder / "labels.json").read_text())
    rows = pq.read_table(folder / "vocabulary.parquet").to_pylist()
    ids = [row["label_id"] for row in rows]
    new = {**rows[0], "label_id": 9_000, "term": "new"}
    table = pa.Table.from_pylist([*rows[:0:-1], new], schema=VOCABULARY_SCHEMA)
    pq.write_table(table, folder / "vocabulary.parquet")
    diff = LabelDiff(
        old_digest=manifest["digest"],
        new_digest="later",
        kept=tuple(ids[1:]),
        merged={ids[1]: (ids[0], ids[1])},
        split={},
        new=(9_000,),
        lost=(),
        churn=0.1,
        tail_mass=(0.1, 0.1),
    )
    save(folder / "diff.json", diff)
    (folder / "labels.json").write_text(json.dumps({**manifest, "digest": "later"}))
    return folder, ids


def check_head(model, old, ids):
    spec = next(spec for spec in model.specs if spec.name == HEAD)
    at = {label_id: row for row, label_id in enumerate(spec.label_ids)}
    for name in ("weight", "bias"):
        new_rows, old_rows = (net.heads[HEAD].state_dict()[name] for net in (model, old))
        torch.testing.assert_close(new_rows[at[ids[1]]], (old_rows[0] + old_rows[1]) / 2)
        for row, label_id in list(enumerate(ids))[2:]:
            torch.testing.assert_close(new_rows[at[label_id]], old_rows[row], rtol=0, atol=0)
        assert not new_rows[at[9_000]].any()  # as heads are initialised


def test_pretraining_goes_on_from_a_model(mini_corpus, earlier, later_labels, tmp_path):
    folder, old = earlier
    labels, ids = later_labels
    config = pretrain_config(loss="softmax", initial_weights=str(folder), missing_labels="unlabelled")
    job = pretrain_job(corpus=mini_corpus, labels=labels, config=config, lineage=LINEAGE)
    model = assign_pretraining(job, tmp_path / "work").objective.model
    check_head(model, old, ids)
    for name, tensor in model.trunk.state_dict().items():
        torch.testing.assert_close(tensor, old.trunk.state_dict()[name], rtol=0, atol=0)


def test_finetuning_goes_on_with_the_head_of_a_backbone_of_older_labels(mini_corpus, earlier, later_labels, tmp_path):
    folder, old = earlier
    labels, ids = later_labels
    features = write_features(tmp_path / "features", open_corpus(mini_corpus), ids[2:4])
    job = finetune_job(
        corpus=mini_corpus,
        labels=labels,
        features=features,
        backbone=folder,
        config=finetune_config(losses={"annotations": "softmax"}),
        lineage=LINEAGE,
    )
    check_head(assign_finetuning(job).objective.model, old, ids)


def test_a_model_that_is_not_there_is_refused(mini_corpus, word_labels, tmp_path):
    config = pretrain_config(loss="softmax", initial_weights=str(tmp_path / "none"))
    with pytest.raises(TrainingError, match="give a safetensors file or a model folder"):
        pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE)


IDS = st.lists(st.integers(1, 12), unique=True, min_size=1)


@settings(max_examples=50, deadline=None)
@given(IDS, IDS, st.data())
def test_every_row_is_copied_averaged_or_fresh(old_ids, new_ids, data):
    sources = {label_id: data.draw(st.lists(st.sampled_from(old_ids), unique=True)) for label_id in new_ids}
    merged = {label_id: origins for label_id, origins in sources.items() if len(origins) > 1}
    rows = np.random.default_rng(0).normal(size=(len(old_ids), 3)).astype(np.float32)
    fresh = np.full((len(new_ids), 3), 77, np.float32)
    head = remap_head(rows, old_ids, new_ids, merged, fresh)
    for row, label_id in zip(head, new_ids, strict=True):
        if label_id in merged:
            mean = np.mean([rows[old_ids.index(one)] for one in merged[label_id]], axis=0)
            np.testing.assert_allclose(row, mean, rtol=1e-5)
        elif label_id in old_ids:
            np.testing.assert_array_equal(row, rows[old_ids.index(label_id)])
        else:
            np.testing.assert_array_equal(row, 77)
    assert (fresh == 77).all()
