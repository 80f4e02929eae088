"""The labels of several corpora that are read as one, and how rare they are."""

import dataclasses
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.training_jobs import LINEAGE, pretrain_config
from vitrail.contracts.codec import load, save
from vitrail.contracts.labels import VOCABULARY_SCHEMA, LabelDiff, LabelSetManifest
from vitrail.corpus import open_corpus
from vitrail.errors import LabelError
from vitrail.training.job import BlendedCorpus
from vitrail.training.label_frequency import count_labels
from vitrail.training.pretraining import assign_pretraining
from vitrail.training.resume import identify
from vitrail.training.stages import pretrain_job


def test_a_blend_has_the_labels_of_all_corpora(mini_corpus, word_labels, other_labels, tmp_path):
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(other_labels), weight=0.5)]
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)
    assignment = assign_pretraining(job, tmp_path)
    (head,) = assignment.objective.model.specs
    assert (head.label_ids[0], head.label_ids[-1], head.classes[-1]) == (1000, 9000, "another")
    assert len(head.label_ids) == head.dim == len(set(head.label_ids))
    assert [source.weight for source in assignment.sources] == [1, 0.5]
    own, other = (source.targets[0] for source in assignment.sources)
    shard = open_corpus(mini_corpus).manifest.shards[0]
    ids = open_corpus(mini_corpus).shard_index(shard.name)["image_id"].combine_chunks()
    rows = np.arange(shard.num_images)
    outputs = [targets.lookup(shard.name, ids, rows)["annotations"].numpy() for targets in (own, other)]
    assert (outputs[0] == 0).any()
    np.testing.assert_array_equal(np.where(outputs[0] == 0, head.dim - 1, outputs[0]), outputs[1])
    heavier = dataclasses.replace(job, blend=(dataclasses.replace(job.blend[0], weight=0.6),))
    assert identify(heavier) != identify(job)


def test_a_blend_pads_to_the_longest_lists_of_its_label_sets(mini_corpus, word_labels, other_labels, tmp_path):
    wider = shutil.copytree(other_labels, tmp_path / "wider")
    save(wider / "labels.json", dataclasses.replace(load(LabelSetManifest, wider / "labels.json"), max_labels=40))
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(wider), weight=1.0)]
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)
    sources = assign_pretraining(job, tmp_path).sources
    assert [source.targets[0].unlabelled(1)["annotations"].shape for source in sources] == [(1, 40), (1, 40)]


def test_rarity_is_that_of_the_label_set_or_of_all_blended_ones_together(mini_corpus, mini_labels, tmp_path):
    vocabulary = pq.read_table(mini_labels / "vocabulary.parquet")
    idf = vocabulary["idf"].to_numpy()
    job = pretrain_job(
        corpus=mini_corpus, labels=mini_labels, config=pretrain_config(target_weighting="idf"), lineage=LINEAGE
    )
    objective = assign_pretraining(job, tmp_path).objective
    [weights] = objective.buffers(recurse=False)
    np.testing.assert_allclose(weights.numpy(), idf / idf.max(), rtol=1e-5)
    share = idf * vocabulary["frequency"].to_numpy()
    prior = objective.model.heads["annotations"].log_prior.exp().numpy()
    np.testing.assert_allclose(prior, share / share.sum(), rtol=1e-4)

    ids = vocabulary["label_id"].to_pylist()
    other = shutil.copytree(mini_labels, tmp_path / "other")
    pq.write_table(vocabulary.slice(0, 1), other / "vocabulary.parquet")  # the second corpus has the first label alone
    frequency = vocabulary["frequency"].to_numpy().copy()
    frequency[0] *= 2
    expected = np.log(2 * load(LabelSetManifest, other / "labels.json").num_images / frequency)
    pooled = count_labels([mini_labels, other], ids).idf().numpy()
    np.testing.assert_allclose(pooled, expected / expected.max(), rtol=1e-5)
    assert pooled[0] == pytest.approx(idf[0] / expected.max())  # as rare in both as in each


def test_a_blend_refuses_labels_of_another_corpus(mini_corpus, word_labels, tmp_path):
    alien = shutil.copytree(word_labels, tmp_path / "labels")
    manifest = dataclasses.replace(load(LabelSetManifest, alien / "labels.json"), corpus_digest="elsewhere")
    save(alien / "labels.json", manifest)
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(alien), weight=1)]
    with pytest.raises(LabelError, match="was derived from corpus elsewhere"):
        pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)


def test_a_blend_refuses_labels_that_ids_do_not_tell_apart(mini_corpus, word_labels, other_labels, tmp_path):
    def blend_with(name, previous="", **changes):
        folder = shutil.copytree(other_labels, tmp_path / name)
        rows = pq.read_table(folder / "vocabulary.parquet").to_pylist()
        rows[0] |= changes
        pq.write_table(pa.Table.from_pylist(rows, schema=VOCABULARY_SCHEMA), folder / "vocabulary.parquet")
        moves = LabelDiff(
            kept=(), merged={}, split={}, new=(), lost=(), churn=0, old_digest=previous, new_digest="", tail_mass=(0, 0)
        )
        save(folder / "diff.json", moves)
        blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(folder), weight=1)]
        options = {"config": pretrain_config(), "lineage": LINEAGE, "blend": blend}
        return pretrain_job(corpus=mini_corpus, labels=word_labels, **options)

    word = pq.read_table(word_labels / "vocabulary.parquet")["term"][0].as_py()
    with pytest.raises(LabelError, match=rf"label '{word}' is 9000 in .* and 1000 in .* --previous"):
        blend_with("twice", term=word)
    with pytest.raises(LabelError, match=rf"label 1000 is 'zebra' in .* and '{word}' in .* share no term"):
        blend_with("other", label_id=1000, term="zebra", members=["zebra"])
    assert blend_with("renamed", label_id=1000, term="zebra", members=["zebra", word]).blend
    assert blend_with("derived", previous="words", label_id=1000, term="zebra", members=["zebra"]).blend
