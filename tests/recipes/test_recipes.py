"""Each recipe states its own gates, and a corpus finds its recipe."""

import dataclasses

import pytest

from vitrail.contracts.evaluation import MeasuredTask
from vitrail.corpus.build.builders import corpus_names
from vitrail.gates.expansion import expand_thresholds
from vitrail.recipes import RECIPES, describe_difference, find_recipe, recipe_for

FOR_ANY_CORPUS = ("folder", "vit_b16_1b", "vit_b32_1b", "vit_l16_1b", "resnext101_1b")


@pytest.mark.parametrize("corpus", corpus_names())
def test_a_named_corpus_has_a_recipe_of_its_own(corpus):
    assert recipe_for(corpus) in RECIPES
    assert recipe_for(corpus) not in FOR_ANY_CORPUS


@pytest.mark.parametrize("corpus", ["my pictures", "path/to/shards", "data/emoji", "debug", "vit_b16_1b", ""])
def test_what_is_no_named_corpus_is_run_with_the_recipe_for_folders(corpus):
    assert recipe_for(corpus) == "folder"


@pytest.mark.parametrize("recipe", FOR_ANY_CORPUS)
def test_a_recipe_that_does_not_know_its_corpus_names_no_task(recipe):
    gates = find_recipe(recipe).gates
    expanded = expand_thresholds(gates, [])
    assert (expanded.values, expanded.changes) == ((), ())


@pytest.mark.parametrize("recipe", FOR_ANY_CORPUS)
@pytest.mark.parametrize("kind", ["classification", "retrieval", "ordinal", "multilabel"])
def test_it_guards_every_task_of_every_kind(recipe, kind):
    expanded = expand_thresholds(find_recipe(recipe).gates, [MeasuredTask(name="colour", kind=kind)])
    assert [threshold.metric.split("/")[0] for threshold in expanded.values] == ["colour"]
    assert [threshold.metric.split("/")[0] for threshold in expanded.changes] == ["colour"]


def test_a_difference_names_settings_and_thresholds():
    base = find_recipe("emoji")
    gates = dataclasses.replace(base.gates, values=base.gates.values[1:], seed=7)
    labels = dataclasses.replace(base.labels, min_images=3)
    assert describe_difference(dataclasses.replace(base, name="mine", gates=gates, labels=labels), base) == [
        'name: "emoji" -> "mine"',
        "gates.values[concept/float/p_at_1 min].limit: 0.05 -> absent",
        "gates.seed: 0 -> 7",
        "labels.min_images: 2 -> 3",
    ]
    assert describe_difference(base, base) == []
