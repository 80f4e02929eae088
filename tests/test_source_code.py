"""Which steps make their artifacts anew after an edit: those whose body imports what was edited, and no others."""

import pytest

from builders.repository_copy import copy_packages, edited, forget_source, source_in
from vitrail.errors import ConfigError
from vitrail.source_code import digest_source, find_source
from vitrail.steps import STEPS


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    copy_packages(folder)
    with source_in(folder):
        yield folder


def take_digests():
    return {name: digest_source(step.module) for name, step in STEPS.items()}


@pytest.fixture(scope="module")
def before(copy):
    return take_digests()


@pytest.fixture
def changed_by(copy, before):
    """The steps whose digest an edit of a file changes."""

    def change(path, *replaced):
        with edited(copy / path, *replaced):
            after = take_digests()
        return {name for name in STEPS if after[name] != before[name]}

    return change


TRAININGS = {"pretrain_backbone", "finetune_tasks"}
WITH_MODELS = TRAININGS | {"build_index", "evaluate_model", "package_endpoint", "validate_endpoint", "publish_report"}
READS_CORPORA = WITH_MODELS | {"checkout_corpus", "derive_labels", "validate_data", "materialize_features"}

# Of the steps named, those that are never reused run in every run anyway.
EDITS = {
    "vitrail/reporting/page.py": {"publish_report"},
    "vitrail/reporting/sections/slices.py": {"publish_report"},
    "vitrail/reporting/templates/page.css": {"publish_report"},
    "vitrail/labels/derivation.py": {"derive_labels"},
    "vitrail/labels/shards/publish_shards.py": {"derive_labels"},
    "vitrail/labels/shards/text_features.py": {"materialize_features"},
    "vitrail/validation/suites.py": {"validate_data"},
    "vitrail/validation/data_docs.css": {"validate_data"},
    "vitrail/corpus/versions/dvc.py": {"checkout_corpus"},
    "vitrail/corpus/pixels/decode.py": READS_CORPORA - {"derive_labels", "materialize_features"},
    "vitrail/corpus/pixels/augment.py": WITH_MODELS - {"package_endpoint", "validate_endpoint"},
    "vitrail/training/trainer.py": TRAININGS,
    "vitrail/training/worker.py": TRAININGS,
    "vitrail/training/review.py": {"pretrain_backbone"},
    "vitrail/training/trainjob.py": set(),
    "vitrail/tasks/kinds/ordinal.py": READS_CORPORA,
    "vitrail/tasks/losses/sigmoid.py": TRAININGS | {"publish_report"},
    "vitrail/models/model.py": WITH_MODELS,
    "vitrail/evaluation/slices.py": {"evaluate_model"},
    "vitrail/evaluation/index_building.py": {"build_index"},
    "vitrail/evaluation/neighbour_index.py": {"package_endpoint", "validate_endpoint"},
    "vitrail/gates/gate.py": {"gate_model"},
    "vitrail/registry/register.py": {"register_model"},
    "vitrail/registry/promote.py": {"promote_model"},
    "vitrail/registry/curves.py": {"register_model"},
    "vitrail/packaging/bundle.py": {"package_endpoint"},
    "vitrail/packaging/proof.py": {"validate_endpoint"},
    "components/materialize_features/store.py": {"materialize_features"},
    "components/adapter.py": set(),
    "components/lightweight.py": set(),
    "features/text_features.py": {"materialize_features"},
    "features/feature_store.yaml": {"materialize_features"},
    "serving/build.py": {"package_endpoint"},
    "vitrail/steps/build_index.py": {"build_index"},
    "vitrail/steps/runner.py": set(),
    "vitrail/steps/reuse.py": set(),
    "vitrail/steps/launch.py": set(),
    "vitrail/steps/champion.py": set(),
    "vitrail/contracts/codec.py": set(STEPS),
}


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_changes_the_steps_that_import_it(changed_by, path):
    assert changed_by(path) == EDITS[path]


@pytest.mark.parametrize(
    ("path", "replaced"),
    [
        ("vitrail/reporting/charts.py", ('"""', '"""In other words: ')),
        ("vitrail/training/trainer.py", ('"""', '"""In other words: ')),
        ("vitrail/contracts/codec.py", ('    """', '    """In other words: ')),
        ("vitrail/training/trainer.py", ("\nimport ", "\n# why\n\nimport ")),
    ],
)
def test_words_about_the_code_change_nothing(changed_by, path, replaced):
    assert changed_by(path, *replaced) == set()


def test_a_value_in_a_recipe_is_no_code(changed_by):
    """It is in the key of the steps whose section it is in."""
    changed = changed_by("vitrail/recipes/emoji.py", "limit=0.05", "limit=0.06")
    assert not {name for name in changed if STEPS[name].is_reusable}


def test_a_new_module_among_those_found_by_name_counts(copy, before):
    added = copy / "vitrail" / "tasks" / "losses" / "focal.py"
    added.write_text("LOSS = None\n")
    forget_source()
    after = take_digests()
    added.unlink()
    forget_source()
    assert {name for name in STEPS if after[name] != before[name]} >= TRAININGS


def test_a_step_that_is_nowhere_has_no_digest():
    with pytest.raises(ConfigError, match=r"'components\.count_words\.step' is not in this repository"):
        find_source("components.count_words.step")
