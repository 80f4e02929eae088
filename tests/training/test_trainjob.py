"""TrainJobs against a Kubernetes API of a few lines, which runs the pods' commands as processes."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kubeflow.trainer import KubernetesBackendConfig, TrainerClient
from kubeflow_trainer_api import models
from kubernetes.client import Configuration
from training_jobs import LINEAGE, launch, pretrain_config

from vitrail.errors import ConfigError, TrainingError
from vitrail.models import load_model
from vitrail.training import OptimizerConfig
from vitrail.training.run import pretrain_job
from vitrail.training.trainjob import TrainJobConfig, run_trainjob, trainjob_request

pytestmark = [pytest.mark.distributed, pytest.mark.filterwarnings("ignore:.*:UserWarning:kubeflow")]

RUNTIME = {
    "apiVersion": "trainer.kubeflow.org/v1alpha1",
    "kind": "ClusterTrainingRuntime",
    "metadata": {"name": "torch-distributed", "labels": {"trainer.kubeflow.org/framework": "torch"}},
    "spec": {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {"template": {"spec": {"containers": [{"name": "node", "image": "pytorch"}]}}},
                        },
                    }
                ]
            }
        },
    },
}
TRAINJOBS = "/apis/trainer.kubeflow.org/v1alpha1/namespaces/default/trainjobs"
PODS = "/api/v1/namespaces/default/pods"


class Cluster(http.server.ThreadingHTTPServer):
    """Accepts TrainJobs and runs one process a node."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.jobs: list[dict] = []
        self.nodes: list[subprocess.Popen] = []
        self.num_lost = 0  # TrainJobs whose first node is to be lost

    def submit(self, body: dict) -> dict:
        job = models.TrainerV1alpha1TrainJob.from_dict(body)  # refuses what the published schema refuses
        self.jobs.append(body)
        self.end_nodes()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        self.nodes = [self.start_node(job, rank, port) for rank in range(job.spec.trainer.num_nodes)]
        if len(self.jobs) <= self.num_lost:
            self.nodes[0].kill()
        return body

    def end_nodes(self) -> None:
        for node in self.nodes:
            node.kill()
            node.wait()

    def start_node(self, job: models.TrainerV1alpha1TrainJob, rank: int, port: int) -> subprocess.Popen:
        environment = {item.name: item.value for item in job.spec.trainer.env}
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "OMP_NUM_THREADS": "1",
            "PET_MASTER_ADDR": "127.0.0.1",
            "PET_MASTER_PORT": str(port),
            "PET_NODE_RANK": str(rank),
        }
        log = (self.folder / f"node-{rank}.log").open("wb")
        return subprocess.Popen(job.spec.trainer.command, env=environment, stdout=log, stderr=log)

    def state(self) -> dict:
        codes = [node.poll() for node in self.nodes]
        body = {**self.jobs[-1]}
        body["metadata"] |= {"namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"}
        ends = {"Complete": all(code == 0 for code in codes), "Failed": any(code for code in codes)}
        kinds = [kind for kind, is_true in ends.items() if is_true]
        conditions = [
            {
                "type": kind,
                "status": "True",
                "reason": kind,
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for kind in kinds
        ]
        return body | ({"status": {"conditions": conditions}} if conditions else {})

    def pods(self) -> list[dict]:
        return [
            {
                "metadata": {
                    "name": f"pod-{rank}",
                    "labels": {
                        "jobset.sigs.k8s.io/replicatedjob-name": "node",
                        "batch.kubernetes.io/job-completion-index": str(rank),
                    },
                },
                "spec": {"containers": [{"name": "node", "image": "vitrail"}]},
                "status": {"phase": "Running"},
            }
            for rank in range(len(self.nodes))
        ]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.endswith("/clustertrainingruntimes/torch-distributed"):
            self.answer(RUNTIME)
        elif path.startswith(TRAINJOBS):
            self.answer(self.server.state())
        elif path == PODS:
            self.answer({"kind": "PodList", "apiVersion": "v1", "items": self.server.pods()})
        elif path.endswith("/log"):
            self.answer((self.server.folder / "node-0.log").read_bytes())
        else:
            self.answer({"kind": "Status", "status": "Failure", "code": 404}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(self.server.submit(body), 201)

    def answer(self, body: dict | bytes, code: int = 200) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(body, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


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
def client(cluster):
    configuration = Configuration(host=f"http://127.0.0.1:{cluster.server_port}")
    return TrainerClient(KubernetesBackendConfig(namespace="default", client_configuration=configuration))


def trainjob_config(folder: Path, **changes) -> TrainJobConfig:
    return TrainJobConfig(
        image="vitrail-train:0.1", volume_claim="vitrail", mount_path=str(folder), poll_s=1, **changes
    )


def write_job(corpus, labels, **changes):
    return pretrain_job(corpus=corpus, labels=labels, config=pretrain_config(**changes), lineage=LINEAGE)


def test_two_nodes_meet_and_a_lost_trainjob_is_submitted_again(
    cluster, client, mini_corpus, word_labels, tmp_path, caplog
):
    caplog.set_level("INFO")
    cluster.num_lost = 1
    job = write_job(mini_corpus, word_labels, launch=launch(num_nodes=2))
    manifest = run_trainjob(job, tmp_path / "work", tmp_path / "out", trainjob_config(tmp_path), client)
    assert load_model(tmp_path / "out")[1] == manifest
    assert "pretrain step 12/12" in caplog.text  # the log of the first node
    first, body = cluster.jobs
    assert first["spec"] == body["spec"]
    trainer = body["spec"]["trainer"]
    assert trainer["numNodes"] == 2
    assert trainer["image"] == "vitrail-train:0.1"
    assert "--rdzv-endpoint=${PET_MASTER_ADDR}:${PET_MASTER_PORT}" in trainer["command"][-1]
    [patch] = body["spec"]["runtimePatches"]
    [node] = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    pod = node["template"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "vitrail"
    assert {"name": "shm", "mountPath": "/dev/shm"} in pod["containers"][0]["volumeMounts"]


def test_a_training_that_fails_for_a_reason_is_not(cluster, client, mini_corpus, word_labels, tmp_path):
    job = write_job(
        mini_corpus,
        word_labels,
        optimizer=OptimizerConfig(learning_rate=1e30, clip_norm=None),
        launch=launch(max_restarts=0),
    )
    with pytest.raises(TrainingError, match="is not finite"):
        run_trainjob(job, tmp_path / "work", tmp_path / "out", trainjob_config(tmp_path), client)
    assert len(cluster.jobs) == 1


def test_work_must_lie_on_the_shared_volume(mini_corpus, word_labels, tmp_path):
    with pytest.raises(ConfigError, match="must lie on the volume"):
        trainjob_request(write_job(mini_corpus, word_labels), tmp_path, TrainJobConfig(image="x", volume_claim="y"))
