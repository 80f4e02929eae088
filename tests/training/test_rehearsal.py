"""Two nodes on one Docker host, through the container backend of the Kubeflow SDK: `make rehearse`."""

import subprocess
import threading
import time

import pytest

from builders.training_jobs import LINEAGE, launch, pretrain_config, read_metrics
from components.container_images import IMAGES
from vitrail.models import load_model
from vitrail.training import CheckpointConfig, ScheduleConfig, TrainJobConfig
from vitrail.training.job import list_checkpoints
from vitrail.training.rehearsal import rehearse
from vitrail.training.stages import pretrain_job

NAME = "vitrail-rehearsal"
NUM_STEPS = 60

pytestmark = pytest.mark.containers


def docker(*arguments: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no docker command")


@pytest.fixture
def client():
    from kubeflow.trainer import ContainerBackendConfig, TrainerClient
    from kubeflow.trainer.backends.container.types import TrainingRuntimeSource

    if docker("image", "inspect", IMAGES["train"]).returncode:
        pytest.skip(f"no Docker engine with the image {IMAGES['train']}; `make rehearse` builds it")
    docker("rm", "--force", f"{NAME}-node-0", f"{NAME}-node-1")
    backend = ContainerBackendConfig(
        container_runtime="docker",
        pull_policy="Never",
        auto_remove=False,
        runtime_source=TrainingRuntimeSource(sources=[]),
    )
    return TrainerClient(backend)


def test_two_containers_train_and_survive_the_loss_of_one(
    client, mini_corpus, word_labels, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("HOME", str(tmp_path))  # the backend mounts folders under it
    caplog.set_level("INFO")
    shared = tmp_path / ".kubeflow" / "trainer" / "containers" / NAME
    config = pretrain_config(
        launch=launch(num_nodes=2),
        schedule=ScheduleConfig(num_steps=NUM_STEPS, batch_size=16),
        checkpoint=CheckpointConfig(every_steps=10),
    )
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE)

    def lose_a_node() -> None:
        deadline = time.monotonic() + 120
        while not list_checkpoints(shared / "work" / "checkpoints") and time.monotonic() < deadline:
            time.sleep(0.02)
        docker("kill", "--signal", "KILL", f"{NAME}-node-1")

    killer = threading.Thread(target=lose_a_node)
    killer.start()
    manifest = rehearse(
        job,
        shared,
        tmp_path / "out",
        name=NAME,
        image=IMAGES["train"],
        config=TrainJobConfig(poll_s=0.5, timeout_s=240),
        client=client,
    )
    killer.join()
    assert load_model(tmp_path / "out")[1] == manifest
    assert [line["step"] for line in read_metrics(tmp_path / "out")] == list(range(1, NUM_STEPS + 1))
    assert f"TrainJob {NAME} ended as Failed" in caplog.text
    assert f"TrainJob {NAME} submitted (attempt 2)" in caplog.text
    assert "continuing after step" in caplog.text
    assert f"TrainJob {NAME} ended as Complete" in caplog.text
    assert docker("ps", "--all", "--quiet", "--filter", f"name={NAME}").stdout == ""
