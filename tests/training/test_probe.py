"""Looks at the features of a pretraining: what they measure, and that they leave no trace in it."""

import dataclasses
import math
import os
import shutil
import signal
from collections import Counter

import numpy as np
import pytest
import torch

from builders.tiny_corpora import make_corpus
from builders.training_jobs import (
    TRANSFORMS,
    launch,
    pretrain_config,
    read_log,
    result_weights,
    start_workers,
    train,
    wait_for_step,
    write_pretrain,
)
from vitrail.contracts.codec import load, save
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus import open_corpus
from vitrail.errors import ConfigError
from vitrail.labels import open_labels
from vitrail.training import ComputeConfig, OptimizerConfig, ProbeConfig, ScheduleConfig
from vitrail.training.distributed import Process
from vitrail.training.probe.feature_probe import FeatureProbe, num_probe_images
from vitrail.training.probe.findings import find_harm, read_looks
from vitrail.training.probe.measures import agreement_of_neighbours, effective_rank
from vitrail.training.probe.sample import ProbeSample, Question, choose_sample, is_answerable

ALONE = Process(rank=0, world_size=1, device=torch.device("cpu"), files=None)


def looks(work) -> list[dict]:
    """What was logged, without how long it took."""
    found = read_looks(read_log(work))
    return [{name: value for name, value in look.items() if name != "seconds"} for look in found]


@pytest.mark.parametrize(
    ("values", "rank"),
    [
        ([1.0], 1.0),
        ([2.0] * 5, 5.0),
        ([3.0, 1.0], math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))),
        ([0.0], 0.0),
    ],
)
def test_effective_rank_is_the_exponential_of_the_entropy_of_singular_values(values, rank):
    axes = np.diag(values)
    features = np.concatenate([axes, -axes]) + 7  # a mean takes no dimension
    assert effective_rank(features) == pytest.approx(rank)


def question(labels, apart, weights=(1.0, 1.0, 1.0, 1.0)):
    return Question(name="task", labels=tuple(labels), weights=weights, apart=tuple(apart))


# Three pairs of directions; the nearest of each image is its partner.
FEATURES = np.array([[9.0, 0, 0], [1, 0.1, 0], [0, 5, 0], [0, 1, 0.1], [0.1, 0, 1], [0, 0.2, 3]])


def test_neighbours_are_right_or_wrong_and_lie_apart():
    labels = [(0,), (0,), (1,), (2,), (2,), (1,)]
    by_self = question(labels, range(6))
    assert is_answerable(by_self) == [True] * 6
    assert agreement_of_neighbours(FEATURES, by_self) == pytest.approx(2 / 6)
    by_domain = question(labels, [0, 0, 0, 1, 1, 1])  # labels 0 and 2 are in one domain alone
    assert is_answerable(by_domain) == [False, False, True, False, False, True]
    assert agreement_of_neighbours(FEATURES, by_domain) == 1 / 2  # 2 finds 3, and 5 finds 2
    assert agreement_of_neighbours(FEATURES, question([(0,), (0,), (1,), (1,), (2,), (2,)], [0, 1] * 3)) == 1


def test_images_without_a_label_are_no_neighbours():
    labels = [(0,), (), (1,), (1,), (0,), ()]
    assert agreement_of_neighbours(FEATURES, question(labels, range(6))) == 1


def test_weak_labels_agree_by_the_weight_of_what_is_shared():
    weights = (0.1, 1.0, 0.5, 0.25)
    labels = [(0, 1), (0, 1, 2), (0,), (0, 3), (3,), (1,)]
    expected = [1.1 / 1.6, 1.1 / 1.6, 0.1 / 0.35, 0.1 / 0.35, 0, 0]
    assert agreement_of_neighbours(FEATURES, question(labels, range(6), weights)) == pytest.approx(np.mean(expected))


def test_a_question_that_no_image_can_answer_has_no_share():
    assert agreement_of_neighbours(FEATURES, question([(0,), (1,), (2,), (3,), (), ()], range(6))) is None


def test_the_sample_is_whole_groups_of_the_validation_split(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(mini_corpus)
    splits = corpus.splits().to_pylist()
    in_val = [row for row, own in enumerate(splits) if own["split"] == "val"]
    sample = choose_sample(corpus, word_labels, 1000, tmp_path)
    assert list(sample.rows) == in_val
    fewer = choose_sample(corpus, word_labels, len(in_val) // 2, tmp_path)
    assert len(fewer.rows) == len(in_val) // 2
    sizes = Counter(splits[row]["group"] for row in in_val)
    chosen = Counter(splits[row]["group"] for row in fewer.rows)
    assert sum(sizes[group] != count for group, count in chosen.items()) <= 1  # the last one is cut
    assert choose_sample(corpus, word_labels, len(in_val) // 2, tmp_path / "again") == fewer


def test_tasks_ask_as_evaluation_does(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(mini_corpus)
    splits = corpus.splits().to_pylist()
    sample = choose_sample(corpus, word_labels, 1000, tmp_path)
    asked = {one.name: one for one in sample.questions}
    assert set(asked) == {task.name for task in corpus.manifest.tasks}
    own = [splits[row] for row in sample.rows]
    for name, key in (("concept", "domain"), ("category", "group")):
        pairs = set(zip(asked[name].apart, (row[key] for row in own), strict=True))
        assert len(pairs) == len({row[key] for row in own}) > 1
    labels = corpus.task_labels("concept").to_pylist()
    concept = {row["image_id"]: row["label"] for row in labels}
    pairs = {(codes, concept[row["image_id"]]) for codes, row in zip(asked["concept"].labels, own, strict=True)}
    assert len(pairs) == len({concept[row["image_id"]] for row in own})


@pytest.fixture
def taskless(mini_corpus, word_labels, tmp_path):
    """The mini corpus without its tasks, and word labels of it."""
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    save(corpus / "corpus.json", dataclasses.replace(load(CorpusManifest, corpus / "corpus.json"), tasks=()))
    return corpus, word_labels


def test_without_tasks_weak_labels_are_asked_for_the_rarer_the_more(taskless, tmp_path):
    corpus, labels = taskless
    sample = choose_sample(open_corpus(corpus), labels, 1000, tmp_path / "rows")
    [asked] = sample.questions
    assert asked.name == "annotations"
    vocabulary = open_labels(labels).vocabulary().to_pylist()
    sidecars = [open_labels(labels).sidecar(shard) for shard in load(LabelSetManifest, labels / "labels.json").shards]
    rows = [row for sidecar in sidecars for row in sidecar["label_ids"].to_pylist()]
    num_images = load(LabelSetManifest, labels / "labels.json").num_images
    idf = {row["label_id"]: math.log(num_images / row["frequency"]) for row in vocabulary}
    expected = [sorted(idf[label] / max(idf.values()) for label in rows[row]) for row in sample.rows]
    found = [sorted(asked.weights[label] for label in own) for own in asked.labels]
    assert any(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize(
    ("num_steps", "batch_size", "every_steps", "num_images"),
    [
        (350, 128, None, 537),  # five looks: 350 * 128 images, a fiftieth, over 5/3
        (350, 128, 350, 896),  # two looks: reading an image once is what it costs
        (350, 128, 10, 74),
        (6, 16, None, 64),
        (317_383, 4096, None, 1024),
    ],
)
def test_all_looks_together_cost_a_fiftieth_of_the_training(num_steps, batch_size, every_steps, num_images):
    schedule = ScheduleConfig(num_steps=num_steps, batch_size=batch_size)
    config = pretrain_config(schedule=schedule, probe=ProbeConfig(every_steps=every_steps))
    assert num_probe_images(config) == num_images
    assert num_probe_images(dataclasses.replace(config, probe=ProbeConfig(num_images=0))) == 0


def test_numbers_out_of_range_are_refused():
    for field, value in (("every_steps", 0), ("num_images", -1), ("max_cost", 0.0)):
        with pytest.raises(ConfigError, match=f"{field}={value}"):
            ProbeConfig(**{field: value})


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_look_takes_no_random_numbers_and_reads_once(num_workers, mini_corpus, word_labels, tmp_path, monkeypatch):
    corpus = open_corpus(mini_corpus)
    config = pretrain_config(launch=launch(num_workers=num_workers))
    sample = choose_sample(corpus, word_labels, 40, tmp_path)
    probe = FeatureProbe(corpus, sample, TRANSFORMS, config, ALONE)
    before = torch.get_rng_state()
    found = probe.look(12, lambda images: images.float().mean(dim=(2, 3)))
    assert torch.equal(torch.get_rng_state(), before)
    assert found["num_images"] == len(sample.rows)
    assert 1 <= found["effective_rank"] <= 3
    monkeypatch.setattr("vitrail.training.probe.feature_probe.load_ahead", None)
    assert probe.look(12, lambda images: images.float().mean(dim=(2, 3))) == found


def test_an_image_that_cannot_be_decoded_is_left_out(tmp_path):
    corpus = make_corpus(tmp_path / "made", (10, 10), bad={4: b"<html>not found</html>"})
    labels = [(row % 2,) for row in range(20)]
    sample = ProbeSample(rows=tuple(range(20)), questions=(question(labels, range(20)),))
    probe = FeatureProbe(corpus, sample, TRANSFORMS, pretrain_config(), ALONE)

    def features(images):
        """Images of even and of odd rows lie apart, whatever is in them; the bad one would lie with the others."""
        parity = torch.arange(len(seen), len(seen) + len(images)) % 2
        seen.extend(parity.tolist())
        parity[images.sum(dim=(1, 2, 3)) == 0] ^= 1
        return torch.stack([parity, 1 - parity, torch.ones_like(parity)], dim=1).float()

    seen: list[int] = []
    found = probe.look(0, features)
    assert (found["num_images"], found["nearest"]) == (19, {"task": 1.0})


def test_a_tar_that_changed_ends_no_training(tmp_path, caplog):
    corpus = make_corpus(tmp_path / "made", (10,))
    [shard] = corpus.manifest.shards
    corpus.shard_path(shard.name).write_bytes(b"\0" * shard.size)
    sample = ProbeSample(rows=tuple(range(10)), questions=(question([(0,)] * 10, range(10)),))
    probe = FeatureProbe(corpus, sample, TRANSFORMS, pretrain_config(), ALONE)
    assert probe.look(0, lambda images: images.float().mean(dim=(2, 3))) is None
    assert "10 validation images are not looked at: shard 00000, image tiny-0000: the tar changed" in caplog.text


def test_features_that_are_not_finite_are_not_logged(mini_corpus, word_labels, tmp_path, caplog):
    corpus = open_corpus(mini_corpus)
    sample = choose_sample(corpus, word_labels, 40, tmp_path)
    probe = FeatureProbe(corpus, sample, TRANSFORMS, pretrain_config(), ALONE)
    assert probe.look(3, lambda images: torch.full((len(images), 4), math.nan)) is None
    assert "step 3 cannot be measured" in caplog.text


LEVIT = {"architecture": Architecture(name="levit_128s"), "transforms": Transforms(image_size=64)}
SHORT = ScheduleConfig(num_steps=5, batch_size=16)


@pytest.mark.distributed
@pytest.mark.parametrize("changes", [LEVIT, {"optimizer": OptimizerConfig(ema_decay=0.9)}])
def test_weights_and_losses_are_the_same_with_and_without(changes, mini_corpus, word_labels, tmp_path):
    """Batch norm, dropout and moving averages included."""
    for name, probe in (("with", ProbeConfig(every_steps=1)), ("without", ProbeConfig(num_images=0))):
        config = pretrain_config(schedule=SHORT, probe=probe, **changes)
        assert train(write_pretrain(tmp_path / name, mini_corpus, word_labels, config)) == [0]
    with_it, without = tmp_path / "with", tmp_path / "without"
    assert [look["step"] for look in looks(with_it)] == [0, 1, 2, 3, 4, 5]
    assert looks(without) == []
    torch.testing.assert_close(result_weights(with_it), result_weights(without), rtol=0, atol=0)
    assert [line["loss"] for line in read_log(with_it) if "loss" in line] == [
        line["loss"] for line in read_log(without)
    ]


@pytest.fixture(scope="module")
def uninterrupted(mini_corpus, word_labels, tmp_path_factory):
    config = pretrain_config(probe=ProbeConfig(every_steps=2))
    work = write_pretrain(tmp_path_factory.mktemp("whole") / "work", mini_corpus, word_labels, config)
    assert train(work) == [0]
    return work


@pytest.mark.distributed
def test_the_start_every_few_steps_and_the_end_are_logged(uninterrupted):
    found = looks(uninterrupted)
    assert [look["step"] for look in found] == [0, 2, 4, 6, 8, 10, 12]
    assert [look.get("is_untrained") for look in found] == [True] + [None] * 6
    assert all(set(look["nearest"]) == {"skin_tone", "category", "concept"} for look in found)
    assert found[0]["effective_rank"] != found[-1]["effective_rank"]
    last = read_log(uninterrupted)[-1]
    assert last["step"] == 12
    assert last["seconds"] > sum(look["seconds"] for look in read_looks(read_log(uninterrupted)))


@pytest.mark.distributed
def test_a_killed_training_logs_each_look_once(uninterrupted, mini_corpus, word_labels, tmp_path):
    config = pretrain_config(probe=ProbeConfig(every_steps=2))
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, config)
    for step in (1, 7):  # before the first checkpoint, and after one with looks since
        [process] = start_workers(work)
        wait_for_step(work, step)
        process.kill()
        process.join()
    assert train(work) == [0]
    assert looks(work) == looks(uninterrupted)


@pytest.mark.distributed
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_two_processes_see_what_one_sees(strategy, uninterrupted, mini_corpus, word_labels, tmp_path):
    config = pretrain_config(
        probe=ProbeConfig(every_steps=2), launch=launch(num_processes=2), compute=ComputeConfig(strategy=strategy)
    )
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, config)
    processes = start_workers(work, 2)
    wait_for_step(work, 5)
    os.kill(processes[0].pid, signal.SIGTERM)
    for process in processes:
        process.join()
    assert train(work, num_processes=2) == [0, 0]
    found, expected = looks(work), looks(uninterrupted)
    assert [look["step"] for look in found] == [look["step"] for look in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours["num_images"] == theirs["num_images"]
        assert ours["effective_rank"] == pytest.approx(theirs["effective_rank"], rel=1e-3)
        assert ours["nearest"] == pytest.approx(theirs["nearest"], abs=0.05)


def step(number, right, rank, **more):
    return {"step": number, "probe": {"num_images": 9, "nearest": {"concept": right}, "effective_rank": rank, **more}}


def test_harm_is_said_in_words():
    start = step(0, 0.044, 15.0, is_untrained=True)
    assert find_harm(read_looks([start, {"step": 10, "loss": 1}, step(350, 0.162, 7.6)])) == []
    [worse, collapsed] = find_harm(read_looks([start, step(90, 0.3, 15.0), step(600, 0.012, 4.5)]))
    assert worse.name == "worse than untrained"
    assert "agree in 4.4% before the first step and in 1.2% after step 600" in worse.sentence
    assert collapsed.name == "collapsed"
    assert "fell from 15.0 before the first step to 4.5 after step 600" in collapsed.sentence
    warm = step(0, 0.5, 9.0, is_untrained=False)
    [worse] = find_harm(read_looks([warm, step(10, 0.4, 9.0)]))
    assert "worse than the weights it started from" in worse.sentence
    assert find_harm(read_looks([start])) == find_harm(read_looks([step(5, 0.5, 9), step(6, 0.1, 1)])) == []
