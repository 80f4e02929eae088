"""TrainJobs against a Kubernetes API of a few lines, which runs the pods' commands as processes."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from kfp import dsl
from kubeflow.trainer import TrainerClient
from kubeflow_trainer_api import models

from builders.training_jobs import LINEAGE, launch, pretrain_config
from builders.trainjob_clusters import Cluster
from components.container_images import IMAGES
from components.trainjob_nodes import pod_settings
from vitrail.contracts.codec import load
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import ConfigError, TrainingError
from vitrail.models import load_model
from vitrail.recipes import ClusterConfig, find_recipe
from vitrail.recipes.cluster import Resources, Toleration
from vitrail.registry import RegistryConfig
from vitrail.registry.client import connect
from vitrail.steps import STEPS, Workspace, run_step
from vitrail.training import OptimizerConfig, PlanReview, PodSettings, TrainJobConfig
from vitrail.training.secret_variables import SecretVariables
from vitrail.training.stages import pretrain_job
from vitrail.training.trainjob import run_trainjob, trainjob_request

pytestmark = [pytest.mark.distributed, pytest.mark.filterwarnings("ignore:.*:UserWarning:kubeflow")]


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.end_nodes()
        server.shutdown()
        thread.join()


@pytest.fixture
def client(cluster, tmp_path, monkeypatch):
    """What `TrainerClient()` finds by itself, as it does inside of a pod."""
    monkeypatch.setenv("HOME", str(tmp_path))
    server = f"http://127.0.0.1:{cluster.server_port}"
    (tmp_path / ".kube").mkdir()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"}}],
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {}}],
    }
    (tmp_path / ".kube" / "config").write_text(json.dumps(config))
    return TrainerClient()


GPU_NODES = Resources(
    cpu_limit="16",
    memory_limit="256Gi",
    accelerators=8,
    shared_memory="64Gi",
    node_selector={"pool": "gpu"},
    tolerations=(Toleration(key="gpu", operator="Exists", toleration_seconds=60),),
    node_affinity={
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]
        }
    },
)
CLUSTER = ClusterConfig(train=GPU_NODES, image_pull_secrets=("pull",), fs_group=4321)
SECRET = {"name": "GREETING", "valueFrom": {"secretKeyRef": {"name": "words", "key": "hello"}}}


def task_pod(folder: Path, *variables: dict) -> PodSettings:
    """What a component makes of the recipe and of the `dsl.TaskConfig` that Kubeflow Pipelines gives it."""
    task_config = dsl.TaskConfig(
        resources={"requests": {"cpu": "500m"}, "limits": {"memory": "4Gi"}},  # of the task's own pod
        env=[{"name": "NCCL_DEBUG", "value": "WARN"}, *variables],
        volumes=[{"name": "pvc", "persistentVolumeClaim": {"claimName": "vitrail-workspace"}}],
        volume_mounts=[{"name": "pvc", "mountPath": str(folder)}],
        node_selector={"pool": "light"},
    )
    return pod_settings(STEPS["pretrain_backbone"], CLUSTER, task_config)


def wait_for(is_true, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def write_job(corpus, labels, **changes):
    return pretrain_job(corpus=corpus, labels=labels, config=pretrain_config(**changes), lineage=LINEAGE)


def handed_in(folder: Path, name: str, digest: str) -> ArtifactManifest:
    return ArtifactManifest(step=name, artifact=str(folder), digest=digest, value="", lineage={})


def test_the_pipelines_step_trains_on_two_nodes_and_submits_a_lost_trainjob_again(
    cluster, client, mini_corpus, word_labels, tmp_path, caplog
):
    caplog.set_level("INFO")
    cluster.num_lost = 1
    cluster.num_failures = 3
    recipe = dataclasses.replace(
        find_recipe("debug"),
        pretrain=pretrain_config(launch=launch(num_nodes=2)),
        cluster=ClusterConfig(trainjob=TrainJobConfig(poll_s=0.5)),
        registry=RegistryConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"),
    )
    folders = {"corpus": mini_corpus, "labels": word_labels}
    done = run_step(
        STEPS["pretrain_backbone"],
        workspace=Workspace(tmp_path / "runs", "run-1"),
        recipe=recipe,
        inputs={name: handed_in(folder, name, name) for name, folder in folders.items()},
        arguments={},
        pod=task_pod(tmp_path),
    )
    assert load_model(Path(done.artifact))[1].model_id == done.digest
    assert "pretrain step 12/12" in caplog.text  # the log of the first node
    assert cluster.num_failures == 0
    assert cluster.deleted == []
    assert "could not be read (1 in a row): Failed to get TrainJob" in caplog.text
    first, body = cluster.jobs
    assert first["spec"] == body["spec"]
    check_manifest(body, tmp_path)
    check_curves(recipe.registry)
    check_review(load(PlanReview, Path(done.artifact) / "plan.json"))


def check_manifest(body: dict, folder: Path) -> None:
    """Against the schema that the SDK ships, which knows every field: what it does not know is gone afterwards."""
    known = models.TrainerV1alpha1TrainJob.from_dict(body).to_dict()
    assert known == body
    trainer = body["spec"]["trainer"]
    assert (trainer["image"], trainer["numNodes"]) == (IMAGES["train"], 2)
    node_asks = {"cpu": "16", "memory": "256Gi", "nvidia.com/gpu": "8"}
    assert trainer["resourcesPerNode"] == {"limits": node_asks, "requests": node_asks}
    assert {"name": "NCCL_DEBUG", "value": "WARN"} in trainer["env"]
    assert "--rdzv-endpoint=${PET_MASTER_ADDR}:${PET_MASTER_PORT}" in trainer["command"][-1]
    assert "--max-restarts=3" in trainer["command"][-1]
    [patch] = body["spec"]["runtimePatches"]
    [node] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "vitrail-workspace"
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 60}]
    assert pod["nodeSelector"] == {"pool": "gpu"}
    assert pod["affinity"] == {"nodeAffinity": GPU_NODES.node_affinity}
    assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert pod["securityContext"] == {"fsGroup": 4321, "runAsGroup": 10001, "runAsNonRoot": True, "runAsUser": 10001}
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}} in pod["volumes"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {str(folder): "pvc", "/dev/shm": "shm"}


def check_curves(config: RegistryConfig) -> None:
    with connect(config) as client:
        [run] = client.search_runs([client.get_experiment_by_name(config.name).experiment_id])
        assert (run.data.tags["run_id"], run.info.status) == ("run-1", "FINISHED")
        curve = client.get_metric_history(run.info.run_id, "pretrain_backbone/images_per_s")
        assert [point.step for point in curve] == list(range(1, 13))


def check_review(review: PlanReview) -> None:
    """The plan of two nodes beside what they took."""
    taken = review.taken
    for exact in ("num_steps", "label_rows"):
        assert getattr(taken, exact)[0] == getattr(taken, exact)[1] > 0
    for close in ("bytes_read", "label_values", "checkpoint_bytes"):
        planned, real = getattr(taken, close)
        assert real == pytest.approx(planned, rel=0.15), close
    assert taken.device_hours[1] == pytest.approx(2 * taken.hours[1])
    assert 0 < taken.utilisation[1] < 1


def test_a_training_that_fails_for_a_reason_is_not(cluster, client, mini_corpus, word_labels, tmp_path):
    job = write_job(
        mini_corpus,
        word_labels,
        optimizer=OptimizerConfig(learning_rate=1e30, clip_norm=None),
        launch=launch(max_restarts=0),
    )
    config = TrainJobConfig(poll_s=0.5)
    with pytest.raises(TrainingError, match="is not finite"):
        run_trainjob(job, tmp_path / "work", tmp_path / "out", config=config, pod=task_pod(tmp_path), client=client)
    assert len(cluster.jobs) == 1


def test_a_trainjob_that_does_not_end_in_time_is_deleted(cluster, client, mini_corpus, word_labels, tmp_path):
    job = write_job(mini_corpus, word_labels)
    config = TrainJobConfig(poll_s=0.1, timeout_s=0.3)
    with pytest.raises(TrainingError, match=r"did not end within 0\.3 s"):
        run_trainjob(job, tmp_path / "work", tmp_path / "out", config=config, pod=task_pod(tmp_path), client=client)
    assert cluster.deleted == [cluster.jobs[0]["metadata"]["name"]]


def test_a_trainjob_that_cannot_be_watched_any_more_is_left_running(
    cluster, client, mini_corpus, word_labels, tmp_path
):
    cluster.num_failures = 1000
    job = write_job(mini_corpus, word_labels)
    config = TrainJobConfig(poll_s=0.01)
    with pytest.raises(
        TrainingError, match=r"could not be read 60 times in a row \(.*\(503\) Reason: Service Unavailable\)"
    ):
        run_trainjob(job, tmp_path / "work", tmp_path / "out", config=config, pod=task_pod(tmp_path), client=client)
    assert cluster.deleted == []
    assert len(cluster.jobs) == 1


SUBMIT = """
import sys
from pathlib import Path
from kubeflow.trainer import TrainerClient
from test_trainjob import TrainJobConfig, run_trainjob, task_pod, write_job

corpus, labels, folder = map(Path, sys.argv[1:])
config, pod = TrainJobConfig(poll_s=0.1), task_pod(folder)
run_trainjob(write_job(corpus, labels), folder / "work", folder / "out", config=config, pod=pod, client=TrainerClient())
"""


def test_a_trainjob_whose_watcher_was_killed_is_taken_up(cluster, client, mini_corpus, word_labels, tmp_path, caplog):
    caplog.set_level("INFO")
    command = [sys.executable, "-c", SUBMIT, str(mini_corpus), str(word_labels), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(command, env=environment) as watcher:
        wait_for(lambda: cluster.nodes)
        watcher.kill()
    cluster.num_failures = 2
    config = TrainJobConfig(poll_s=0.5)
    job = write_job(mini_corpus, word_labels)
    run_trainjob(job, tmp_path / "work", tmp_path / "out", config=config, pod=task_pod(tmp_path), client=client)
    assert len(cluster.jobs) == 1
    assert "runs already" in caplog.text
    assert load_model(tmp_path / "out")


def test_a_trainjob_that_was_named_and_never_submitted_is_submitted(
    cluster, client, mini_corpus, word_labels, tmp_path
):
    work = tmp_path / "work"
    job, config = write_job(mini_corpus, word_labels), TrainJobConfig(poll_s=0.1)
    work.mkdir()
    (work / "trainjob").write_text("killed-before-it-was-submitted")
    run_trainjob(job, work, tmp_path / "out", config=config, pod=task_pod(tmp_path), client=client)
    assert len(cluster.jobs) == 1


def test_nodes_count_their_own_cores(mini_corpus, word_labels, tmp_path):
    job = write_job(mini_corpus, word_labels, launch=launch(num_processes=4))
    trainer, _ = trainjob_request(job, tmp_path / "work", task_pod(tmp_path), TrainJobConfig())
    assert "OMP_NUM_THREADS" not in trainer.env  # `elastic` sets it on the node


def test_work_must_lie_on_the_shared_volume(mini_corpus, word_labels, tmp_path):
    job = write_job(mini_corpus, word_labels)
    with pytest.raises(ConfigError, match="must lie on a volume"):
        trainjob_request(job, tmp_path, task_pod(tmp_path / "elsewhere"), TrainJobConfig())


def test_a_variable_of_a_secret_is_read_in_the_node_and_never_written(
    mini_corpus, word_labels, tmp_path, cluster, client
):
    cluster.secrets = {"words": {"hello": 'it\'s "me" $HOME'}}
    pod = task_pod(tmp_path, SECRET)
    trainer, options = trainjob_request(write_job(mini_corpus, word_labels), tmp_path / "work", pod, TrainJobConfig())
    exports = SecretVariables.among(pod.env).exports
    options[0].command = ["bash", "-c", exports + 'printf %s "$GREETING"']
    client.train(runtime="torch-distributed", trainer=trainer, options=options)
    [node] = cluster.nodes
    assert node.wait() == 0
    assert (tmp_path / "node-0.log").read_text() == 'it\'s "me" $HOME'
    [body] = cluster.jobs
    assert "it's" not in json.dumps(body)
    [patch] = body["spec"]["runtimePatches"]
    [job] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    spec = job["template"]["spec"]["template"]["spec"]
    assert "env" not in spec["containers"][0]  # the webhook refuses variables of the container `node`
    assert {"key": "hello", "path": "GREETING"} in spec["volumes"][1]["secret"]["items"]


def test_variables_of_fields_and_config_maps_have_the_values_of_the_task(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "run-of-mlflow")
    field = {"name": "MLFLOW_RUN_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['run']"}}}
    absent = {"name": "NOT_THERE", "valueFrom": {"configMapKeyRef": {"name": "x", "key": "y", "optional": True}}}
    env = task_pod(tmp_path, field, absent, SECRET).env
    assert {"name": "MLFLOW_RUN_ID", "value": "run-of-mlflow"} in env
    assert SECRET in env
    assert not [variable for variable in env if variable["name"] == "NOT_THERE"]
    with pytest.raises(ConfigError, match="env='ODD': a TrainJob takes variables with a value or with the key of a"):
        SecretVariables.among([{"name": "ODD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])


def test_a_task_without_volumes_says_how_to_go_on(mini_corpus, word_labels, tmp_path):
    recipe = dataclasses.replace(find_recipe("debug"), cluster=ClusterConfig(trainjob=TrainJobConfig()))
    folders = {"corpus": mini_corpus, "labels": word_labels}
    with pytest.raises(ConfigError, match="set it to null to train right here"):
        run_step(
            STEPS["pretrain_backbone"],
            workspace=Workspace(tmp_path / "runs", "run-1"),
            recipe=recipe,
            inputs={name: handed_in(folder, name, name) for name, folder in folders.items()},
            arguments={},
            pod=PodSettings(image="vitrail-train:0.1"),
        )
