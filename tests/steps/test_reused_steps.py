"""What runs again, told by the records of real steps on real data: the part of the truth table that a minute allows."""

import dataclasses
import itertools
import shutil

import pytest

from builders.damage import change_first
from vitrail.contracts.codec import read, write
from vitrail.contracts.corpus import CorpusManifest
from vitrail.corpus.build.writer import digest_corpus
from vitrail.errors import CorpusError
from vitrail.recipes import find_recipe
from vitrail.registry import RegistryConfig
from vitrail.steps import STEPS, Workspace, run_step

pytestmark = pytest.mark.smoke

DATA_STEPS = ("checkout_corpus", "derive_labels", "validate_data", "materialize_features")
REUSABLE = set(DATA_STEPS) - {"checkout_corpus"}


@pytest.fixture(scope="module")
def made_anew(mini_corpus, tmp_path_factory):
    """Runs the data steps on a corpus of one name, and returns those that took nothing from the store."""
    folder = tmp_path_factory.mktemp("reused")
    shutil.copytree(mini_corpus, folder / "corpus")
    debug = find_recipe("debug")
    recipe = dataclasses.replace(
        debug,
        labels=dataclasses.replace(debug.labels, clustering="none"),
        registry=RegistryConfig(tracking_uri=f"sqlite:///{folder}/mlflow.db"),
    )
    numbers = itertools.count()

    def run(**sections):
        workspace = Workspace(folder / "runs", f"run-{next(numbers)}")
        made = {}
        arguments = {"source": str(folder / "corpus"), "repository": str(folder), "revision": ""}
        for step in (STEPS[name] for name in DATA_STEPS):
            made[step.makes] = run_step(
                step,
                workspace=workspace,
                recipe=dataclasses.replace(recipe, **sections),
                inputs={name: made[name] for name in step.inputs},
                arguments={name: arguments[name] for name in step.arguments},
            )
        return {record.step for record in workspace.records() if not record.is_reused} - {"checkout_corpus"}

    run.corpus = folder / "corpus"
    assert run() == REUSABLE
    return run


def test_the_same_bytes_make_nothing_anew(made_anew):
    assert made_anew() == set()


def test_another_limit_of_the_validation_is_validated_and_nothing_else(made_anew):
    validation = dataclasses.replace(find_recipe("debug").validation, warning_drift=0.2)
    gates = dataclasses.replace(find_recipe("debug").gates, min_groups=3)
    assert made_anew(validation=validation, gates=gates) == {"validate_data"}


def test_a_text_that_changed_under_the_same_name_makes_all_anew(made_anew):
    change_first(made_anew.corpus / "signals" / "00000.parquet", "text", "another text")
    with pytest.raises(CorpusError, match=r"corpus"):
        made_anew()  # a corpus that is not what its manifest says is no corpus
    manifest = read(CorpusManifest, made_anew.corpus)
    digest = digest_corpus(made_anew.corpus, manifest.shards, manifest.tasks)
    write(made_anew.corpus, dataclasses.replace(manifest, digest=digest))
    assert made_anew() == REUSABLE
    assert made_anew() == set()
