import dataclasses
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import filelock
import pytest

from vitrail.contracts.codec import load
from vitrail.contracts.files import read_json
from vitrail.contracts.runs import ArtifactManifest, StepRecord
from vitrail.errors import ConfigError, TrainingError
from vitrail.recipes import find_recipe
from vitrail.steps import Outcome, Step, Workspace, run_step
from vitrail.steps.trace import trace

RECIPE = find_recipe("debug")


def write_number(context):
    context.out.mkdir()
    (context.out / "number.json").write_text(context.arguments["number"])
    return Outcome(digest=f"digest-{context.arguments['number']}", lineage={"labels_digest": "abcdef123456"})


@pytest.fixture(autouse=True)
def body(monkeypatch):
    """The module of a step that writes a number."""
    module = ModuleType("written_number")
    module.derive_labels = write_number
    module.what_decides = lambda recipe, champion: recipe.labels.top_k
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr("vitrail.steps.reuse.digest_source", lambda name: f"code of {name}")
    return module


STEP = Step(
    name="derive_labels",
    summary="Writes a number.",
    arguments=("number",),
    sections=("labels",),
    makes="labels",
    image="data",
    body="written_number",
)


def run(workspace, number="1", recipe=RECIPE):
    return run_step(STEP, workspace=workspace, recipe=recipe, inputs={}, arguments={"number": number})


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "runs", "run-1")


def test_artifact_and_record_are_written(workspace):
    manifest = run(workspace)
    assert read_json(workspace.root / "latest" / "recipe.json")["name"] == "debug"
    (record,) = workspace.records()
    assert (record.status, record.digest, record.artifact) == ("succeeded", "digest-1", manifest.artifact)
    assert json.loads((workspace.root / "latest" / "steps" / "derive_labels.json").read_text())["is_reused"] is False
    assert workspace.lineage().labels_digest == "abcdef123456"


def test_same_inputs_are_reused_by_another_run(workspace, body):
    calls = []

    def counted(context):
        calls.append(1)
        return write_number(context)

    body.derive_labels = counted
    first = run(workspace)
    other = Workspace(workspace.root, "run-2")
    assert run(other) == first
    assert len(calls) == 1
    assert other.records()[0].is_reused


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "2"},
        {"recipe": dataclasses.replace(RECIPE, labels=dataclasses.replace(RECIPE.labels, top_k=3))},
    ],
)
def test_other_arguments_or_config_make_another_artifact(workspace, changed):
    assert run(workspace).artifact != run(workspace, **changed).artifact


def test_what_the_step_does_not_depend_on_does_not_matter(workspace):
    gates = dataclasses.replace(RECIPE, gates=dataclasses.replace(RECIPE.gates, seed=7))
    assert run(workspace).artifact == run(workspace, recipe=gates).artifact


def test_other_code_makes_another_artifact(workspace, monkeypatch):
    before = run(workspace).artifact
    monkeypatch.setattr("vitrail.steps.reuse.digest_source", lambda name: "another version")
    assert run(workspace).artifact != before


def test_failure_is_recorded_and_what_was_written_is_kept(workspace, body):
    def fail(context):
        write_number(context)
        raise TrainingError("loss is not finite at step 3")

    body.derive_labels = fail
    with pytest.raises(TrainingError, match="step 3"):
        run(workspace)
    (record,) = workspace.records()
    assert record.status == "failed"
    assert record.error == "TrainingError: loss is not finite at step 3"
    assert (workspace.run_folder / "failed" / "derive_labels" / "number.json").read_text() == "1"
    assert not list((workspace.root / "store" / "derive_labels").glob("[!.]*"))


def test_work_survives_a_failure_and_goes_with_success(workspace, body):
    seen = []

    def resume(context):
        seen.append((context.work / "checkpoint").exists())
        context.work.mkdir(parents=True, exist_ok=True)
        (context.work / "checkpoint").touch()
        if len(seen) == 1:
            raise KeyboardInterrupt
        return write_number(context)

    body.derive_labels = resume
    with pytest.raises(KeyboardInterrupt):
        run(workspace)
    manifest = run(Workspace(workspace.root, "run-2"))
    assert seen == [False, True]
    assert not list((workspace.root / "store").rglob("*.work"))
    assert (
        load(ArtifactManifest, (workspace.root / "store" / "derive_labels").glob("*/artifact.json").__next__())
        == manifest
    )


def test_work_goes_while_no_other_run_can_be_in_it(workspace, body, monkeypatch):
    remove, removed = shutil.rmtree, []

    def watch(folder, **options):
        if folder.suffix == ".work":
            removed.append(folder)
            with pytest.raises(filelock.Timeout):
                filelock.FileLock(folder.with_name(f".{folder.name}.lock")).acquire(timeout=0)
        remove(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", watch)
    run(workspace)
    assert len(removed) == 1


def test_wrong_inputs_are_named(workspace):
    with pytest.raises(ConfigError, match="takes the arguments number, got none"):
        run_step(STEP, workspace=workspace, recipe=RECIPE, inputs={}, arguments={})


def test_trace_finds_runs_by_any_identifier(workspace):
    run(workspace)
    assert trace(workspace.root, "abcdef")[0]["run_id"] == "run-1"
    with pytest.raises(ConfigError, match="no run in"):
        trace(workspace.root, "feedbeef")


def test_record_reads_back(workspace):
    run(workspace)
    record = load(StepRecord, workspace.run_folder / "steps" / "derive_labels.json")
    (read,) = workspace.records()
    assert dataclasses.replace(record, artifact=read.artifact) == read
    assert (workspace.run_folder / record.artifact).samefile(read.artifact)


@pytest.mark.parametrize("is_copy", [False, True], ids=["moved", "copied"])
def test_a_moved_workspace_has_its_records_and_artifacts(workspace, tmp_path, is_copy):
    made = run(workspace)
    elsewhere = tmp_path / "another place"
    shutil.copytree(workspace.root, elsewhere, symlinks=True) if is_copy else workspace.root.rename(elsewhere)
    (record,) = Workspace(elsewhere, workspace.run_id).records()
    assert Path(record.artifact).is_relative_to(elsewhere)
    reused = run(Workspace(elsewhere, "run-2"))
    assert (Path(reused.artifact), reused.digest) == (Path(record.artifact), made.digest)
    assert Workspace(elsewhere, "run-2").records()[0].is_reused
    assert (elsewhere / "run-2" / "labels" / "number.json").exists()
