"""A training goes on in its work folder after any edit: what decides it names the folder, and the code does not."""

import dataclasses

import pytest

from builders.repository_copy import copy_packages, edited, source_in
from builders.training_jobs import launch, pretrain_config
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import TrainingError
from vitrail.recipes import find_recipe
from vitrail.registry import RegistryConfig
from vitrail.steps import STEPS, Workspace, run_step


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    copy_packages(folder)
    with source_in(folder):
        yield folder


@pytest.fixture
def places(mini_corpus, word_labels, tmp_path, monkeypatch):
    """Starts a pretraining that is killed; returns the names of its work folder and of its artifact."""
    taken = []

    def train(job, work, out):
        work.mkdir(parents=True, exist_ok=True)
        taken[:] = [work.name, out.parent.name.split(".partial")[0]]
        raise TrainingError("killed")

    monkeypatch.setattr("vitrail.steps.launch.run_job", train)
    debug = find_recipe("debug")
    registry = RegistryConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")

    def start(config=None, labels=word_labels, **sections):
        folders = {"corpus": (mini_corpus, "c"), "labels": (labels, labels.parent.name)}
        with pytest.raises(TrainingError, match="killed"):
            run_step(
                STEPS["pretrain_backbone"],
                workspace=Workspace(tmp_path / "runs", "run-1"),
                recipe=dataclasses.replace(debug, pretrain=config or pretrain_config(), registry=registry, **sections),
                inputs={
                    name: ArtifactManifest(step=name, artifact=str(folder), digest=digest, value="", lineage={})
                    for name, (folder, digest) in folders.items()
                },
                arguments={},
            )
        return tuple(taken)

    return start


@pytest.mark.parametrize(
    ("path", "replaced", "is_reused"),
    [
        ("vitrail/reporting/charts.py", (), True),
        ("vitrail/labels/derivation.py", (), True),
        ("vitrail/training/trainer.py", ('"""', '"""In other words: '), True),
        ("vitrail/training/trainer.py", (), False),
        ("vitrail/corpus/pixels/decode.py", (), False),
        ("vitrail/contracts/codec.py", (), False),
    ],
)
def test_an_edit_loses_no_checkpoint(copy, places, path, replaced, is_reused):
    work, artifact = places()
    with edited(copy / path, *replaced):
        work_after, artifact_after = places()
    assert work_after == work
    assert (artifact_after == artifact) == is_reused


def test_only_what_decides_a_training_names_its_folder(copy, places, other_labels):
    work, artifact = places()
    gates = dataclasses.replace(find_recipe("debug").gates, seed=7)
    assert places(gates=gates) == (work, artifact)
    assert places(pretrain_config(launch=launch(num_processes=2))) == (work, artifact)
    assert places(pretrain_config(profile_steps=2))[0] == work
    assert places(pretrain_config(seed=1))[0] != work
    assert places(labels=other_labels)[0] != work
