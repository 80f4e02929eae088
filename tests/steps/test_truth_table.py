"""What runs again after which change: keys of the real steps, from a corpus to a verdict."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from builders.repository_copy import copy_packages, edited, source_in
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import ConfigError
from vitrail.recipes import find_recipe
from vitrail.recipes.sections import decode_sections, encode_sections, take_sections
from vitrail.steps import STEPS, Workspace
from vitrail.steps import champion as registered
from vitrail.steps.reuse import Task, find_key

RECIPE = find_recipe("debug")
REUSABLE = [step for step in STEPS.values() if step.is_reusable]
DATA = {"derive_labels", "validate_data", "materialize_features"}
FROM_FINETUNING = {"finetune_tasks", "build_index", "evaluate_model", "gate_model"}
TRAINED = FROM_FINETUNING | {"pretrain_backbone"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    copy_packages(folder)
    with source_in(folder):
        yield folder


def take_keys(recipe=RECIPE, corpus="bytes", champion=None):
    """The keys of a run's artifacts, each made of what its key says and of nothing else."""
    keys, made = {}, {"corpus": corpus}
    for step in REUSABLE:
        task = Task(
            step=step,
            workspace=Workspace(Path("runs"), "run-1"),
            recipe=take_sections(recipe, step.sections),
            inputs={
                name: ArtifactManifest(step=name, artifact="", digest=made[name], value="", lineage={})
                for name in step.inputs
            },
            arguments={},
            pod=None,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registered, "find_champion", lambda config: champion)
            made[step.makes] = keys[step.name] = find_key(task)
    return keys


@pytest.fixture(scope="module")
def before(copy):
    return take_keys()


@pytest.fixture
def changed(before):
    """The steps that make their artifacts anew; others are taken from the store."""

    def compare(**given):
        after = take_keys(**given)
        return {name for name in before if after[name] != before[name]}

    return compare


def with_section(name, **values):
    return dataclasses.replace(RECIPE, **{name: dataclasses.replace(getattr(RECIPE, name), **values)})


RECIPES = {
    "same bytes": (RECIPE, set()),
    "another gate limit": (with_section("gates", min_groups=3), {"gate_model"}),
    "another check of the data": (with_section("validation", sample_images=7), {"validate_data"}),
    "another number of labels": (with_section("labels", top_k=3), DATA | TRAINED),
    "another engine of the labels": (with_section("labels", engine="ray"), set()),
    "another seed of the pretraining": (with_section("pretrain", seed=1), TRAINED),
    "another seed of the fine-tuning": (with_section("finetune", seed=1), FROM_FINETUNING),
    "another index": (with_section("index", thumbnail_size=8), {"build_index"}),
    "another evaluation": (with_section("evaluation", num_resamples=700), {"evaluate_model", "gate_model"}),
    "another budget of the endpoint": (with_section("endpoint", startup_timeout_s=7.0), set()),
    "other resources": (with_section("cluster", image_prefix="host:5000/team"), set()),
    "another study to cite": (dataclasses.replace(RECIPE, study=None), set()),
}


@pytest.mark.parametrize("edit", RECIPES)
def test_a_recipe_changes_the_steps_that_take_its_section(changed, edit):
    recipe, expected = RECIPES[edit]
    assert changed(recipe=recipe) == expected


def test_a_byte_under_the_same_uri_changes_what_depends_on_it(changed):
    assert changed(corpus="a byte more") == {step.name for step in REUSABLE}


def test_a_change_in_reporting_changes_the_report_only(copy, before):
    for path in (
        "vitrail/reporting/page.py",
        "vitrail/reporting/templates/page.css",
        "vitrail/steps/publish_report.py",
    ):
        with edited(copy / path):
            assert take_keys() == before
    assert not STEPS["publish_report"].is_reusable


@pytest.mark.parametrize(
    ("labels_digest", "expected"),
    [(None, {"validate_data", "evaluate_model", "gate_model"}), ("labels", DATA | TRAINED)],
    ids=["without labels", "with labels"],
)
def test_a_champion_changes_what_goes_on_from_it_and_what_is_compared_with_it(changed, labels_digest, expected):
    """That labels which go on from equal ones are equal, and nothing is trained again, is told by their digest."""
    lineage = Lineage(run_id="run-1", labels_digest=labels_digest)
    champion = SimpleNamespace(reference="vitrail-debug/1", artifacts_digest="a", lineage=lineage)
    assert changed(champion=champion) == expected


def test_a_step_cannot_read_a_section_that_it_does_not_take():
    taken = take_sections(RECIPE, STEPS["derive_labels"].sections)
    assert taken.labels == RECIPE.labels
    for section in ("gates", "study"):
        with pytest.raises(ConfigError, match=rf"recipe\.{section}: the step does not take this section"):
            getattr(taken, section)


def test_a_section_that_a_graph_of_another_version_hands_on_is_refused():
    given = encode_sections(RECIPE, ("labels",))
    assert decode_sections(given, ("labels",)).labels == RECIPE.labels
    with pytest.raises(ConfigError, match=r"takes the sections gates, got labels; compile the graph again"):
        decode_sections(given, ("gates",))
    with pytest.raises(ConfigError, match=r"recipe\.labels is not a valid LabelsConfig: top_k"):
        decode_sections({"labels": {"top_k": "many"}}, ("labels",))
