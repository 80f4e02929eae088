"""The curves of a training are in MLflow, also when it fails, and once."""

import dataclasses
import json

import pytest

from builders.training_jobs import TRANSFORMS, TRUNK, finetune_config, pretrain_config, write_features
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import HeadSpec
from vitrail.contracts.runs import ArtifactManifest
from vitrail.corpus import open_corpus
from vitrail.errors import TrainingError
from vitrail.models import VitrailModel, save_model
from vitrail.recipes import find_recipe
from vitrail.registry import RegistryConfig
from vitrail.registry.client import connect
from vitrail.steps import STEPS, Workspace, run_step

MEASURED = ("loss", "learning_rate", "images_per_s", "data_wait_share", "grad_norm", "memory_bytes")


@pytest.fixture
def inputs(mini_corpus, word_labels, tmp_path):
    head = HeadSpec(name="annotations", kind="multilabel", dim=2, label_ids=(0, 1))
    save_model(tmp_path / "backbone", VitrailModel(TRUNK, TRANSFORMS, [head]), Lineage(run_id="run"))
    features = write_features(tmp_path / "features", open_corpus(mini_corpus), [0, 1])
    return {
        "corpus": mini_corpus,
        "labels": word_labels,
        "validation": tmp_path,
        "features": features,
        "backbone": tmp_path / "backbone",
    }


@pytest.fixture
def fail_at(monkeypatch):
    """Trainings log up to this many steps and then fail."""
    length = [0]

    def train(job, work, out):
        work.mkdir(parents=True, exist_ok=True)
        lines = [{"step": step, **dict.fromkeys(MEASURED, 1.0 / step)} for step in range(1, length[0] + 1)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (work / "training.jsonl").write_text(text + '{"step": 99, "lo')
        raise TrainingError("the loss is not finite")

    monkeypatch.setattr("vitrail.steps.launch.run_job", train)
    return lambda step: length.__setitem__(0, step)


def fail(stage, inputs, folder, uri):
    step = STEPS[stage]
    recipe = dataclasses.replace(
        find_recipe("debug"),
        pretrain=pretrain_config(),
        finetune=finetune_config(),
        registry=RegistryConfig(tracking_uri=uri),
    )
    handed_in = {
        name: ArtifactManifest(step=name, artifact=str(inputs[name]), digest=name, value="", lineage={})
        for name in step.inputs
    }
    workspace = Workspace(folder / "runs", "run-1")
    with pytest.raises(TrainingError, match="the loss is not finite"):
        run_step(step, workspace=workspace, recipe=recipe, inputs=handed_in, arguments={})


def test_trainings_that_fail_log_what_they_have_once_to_one_run(inputs, fail_at, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for stage, step in (("pretrain_backbone", 2), ("pretrain_backbone", 3), ("finetune_tasks", 2)):
        fail_at(step)
        fail(stage, inputs, tmp_path, uri)
    with connect(RegistryConfig(tracking_uri=uri)) as client:
        experiment = client.get_experiment_by_name("vitrail").experiment_id
        [run] = client.search_runs([experiment])
        assert (run.data.tags["run_id"], run.info.status) == ("run-1", "FAILED")
        assert set(run.data.metrics) == {
            f"{stage}/{name}" for stage in ("pretrain_backbone", "finetune_tasks") for name in MEASURED
        }
        for name in MEASURED:
            points = client.get_metric_history(run.info.run_id, f"pretrain_backbone/{name}")
            assert [(point.step, point.value) for point in points] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]


def test_a_server_that_is_away_fails_no_training(inputs, fail_at, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    fail_at(2)
    fail("pretrain_backbone", inputs, tmp_path, "http://127.0.0.1:9")
    assert "the curves of pretrain_backbone are not in MLflow: the registry at http://127.0.0.1:9" in caplog.text
