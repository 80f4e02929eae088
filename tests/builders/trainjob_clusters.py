"""A Kubernetes API of a few lines, which runs the pods of TrainJobs as processes."""

import copy
import http.server
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from kubeflow_trainer_api import models

__all__ = ["Cluster"]

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
        self.deleted: list[str] = []
        self.secrets: dict[str, dict[str, str]] = {}  # by name: keys and values
        self.num_failures = 0  # looks at a TrainJob that are still to be answered with an error

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
        command = [self.mount_secrets(job, argument) for argument in job.spec.trainer.command]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def mount_secrets(self, job: models.TrainerV1alpha1TrainJob, argument: str) -> str:
        """Writes the files of secret volumes, and names them where a container would see them at their mounts."""
        [patch] = job.spec.runtime_patches
        [replicated] = patch.training_runtime_spec.template.spec.replicated_jobs
        pod = replicated.template.spec.template.spec
        mounts = {mount.name: mount.mount_path for mount in pod.containers[0].volume_mounts}
        for volume in (volume for volume in pod.volumes if volume.secret):
            folder = self.folder / "volumes" / volume.name
            folder.mkdir(parents=True, exist_ok=True)
            for item in volume.secret.items:
                (folder / item.path).write_text(self.secrets[volume.secret.secret_name][item.key])
            argument = argument.replace(mounts[volume.name] + "/", f"{folder}/")
        return argument

    def state(self) -> dict:
        codes = [node.poll() for node in self.nodes]
        body = copy.deepcopy(self.jobs[-1])
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
        elif path.startswith(TRAINJOBS) and self.server.num_failures > 0:
            self.server.num_failures -= 1
            self.answer({"kind": "Status", "status": "Failure", "code": 503}, 503)
        elif path.startswith(TRAINJOBS):
            known = self.server.jobs and path.endswith("/" + self.server.jobs[-1]["metadata"]["name"])
            self.answer(*((self.server.state(),) if known else ({"kind": "Status", "code": 404}, 404)))
        elif path == PODS:
            self.answer({"kind": "PodList", "apiVersion": "v1", "items": self.server.pods()})
        elif path.endswith("/log"):
            self.answer((self.server.folder / "node-0.log").read_bytes())
        else:
            self.answer({"kind": "Status", "status": "Failure", "code": 404}, 404)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(self.server.submit(body), 201)

    def do_DELETE(self) -> None:
        self.server.deleted.append(self.path.rpartition("/")[2])
        self.server.end_nodes()
        self.answer({"kind": "Status", "status": "Success"})

    def answer(self, body: dict | bytes, code: int = 200) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(body, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass
