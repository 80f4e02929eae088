"""Plans: what a training takes, before it begins."""

import dataclasses

import pytest

from vitrail.corpus import open_corpus
from vitrail.errors import TrainingError
from vitrail.recipes import find_recipe
from vitrail.training import (
    HARDWARE,
    CorpusNumbers,
    FinetuneConfig,
    ScheduleConfig,
    measure_corpus,
    plan_training,
)

PAPER = CorpusNumbers(
    num_images=1_300_000_000, bytes_per_image=60_000, num_labels=10_000, labels_per_image=5, num_classes=1000
)


@pytest.mark.parametrize(
    ("name", "gigamacs", "megaparameters"),
    [("vit_b16_1b", 17.6, 86), ("vit_b32_1b", 4.4, 88), ("vit_l16_1b", 61.6, 304), ("resnext101_1b", 16.5, 87)],
)
def test_plan_counts_what_is_known_of_the_backbones(name, gigamacs, megaparameters):
    config = find_recipe(name).pretrain
    plan = plan_training(config, PAPER, HARDWARE["a100"])
    assert plan.flops_per_image / 6e9 == pytest.approx(gigamacs, rel=0.02)
    head = 10_000 * {"resnext101_1b": 2048, "vit_l16_1b": 1024}.get(name, 768)
    assert (plan.num_parameters - head) / 1e6 == pytest.approx(megaparameters, rel=0.03)
    assert plan.epochs == pytest.approx(1, rel=1e-5)
    assert plan.device_hours == pytest.approx(plan.total_flops / (312e12 * 0.4) / 3600)
    assert plan.checkpoint_bytes >= 12 * plan.num_parameters


def test_backbones_differ_in_trunk_rate_and_name_alone():
    recipes = {name: find_recipe(name) for name in ("vit_b16_1b", "vit_b32_1b", "vit_l16_1b", "resnext101_1b")}
    assert len({recipe.pretrain.architecture.name for recipe in recipes.values()}) == 4
    base = recipes["vit_b16_1b"]
    for name, recipe in recipes.items():
        optimizer = dataclasses.replace(recipe.pretrain.optimizer, learning_rate=base.pretrain.optimizer.learning_rate)
        pretrain = dataclasses.replace(recipe.pretrain, architecture=base.pretrain.architecture, optimizer=optimizer)
        alike = dataclasses.replace(recipe, name=base.name, registry=base.registry, pretrain=pretrain)
        assert alike == base, name


def test_plan_of_finetuning_needs_the_architecture():
    config = FinetuneConfig(schedule=ScheduleConfig(num_steps=1, batch_size=1))
    with pytest.raises(TrainingError, match="architecture"):
        plan_training(config, PAPER, HARDWARE["h100"])


def test_corpus_is_measured(mini_corpus, word_labels):
    numbers = measure_corpus(mini_corpus, word_labels, PAPER)
    corpus = open_corpus(mini_corpus)
    assert numbers.num_images == corpus.splits()["split"].to_pylist().count("train")
    assert numbers.labels_per_image > 1
    assert dataclasses.asdict(numbers)["bytes_per_image"] > 100
    before_labels = measure_corpus(mini_corpus, None, PAPER)
    assert before_labels == dataclasses.replace(numbers, num_labels=10_000, labels_per_image=5)
