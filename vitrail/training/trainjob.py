"""Trainings on a cluster: a Kubeflow TrainJob through the `kubeflow` SDK.

The job is the one that `vitrail.training.launch` runs on this machine: environment, job file, shared folder.
The folder lies on a volume that this process and every node see at the same path.
"""

import dataclasses
import logging
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from vitrail.config import Config, require
from vitrail.contracts.codec import save
from vitrail.contracts.models import ModelManifest
from vitrail.errors import TrainingError
from vitrail.training.config import LaunchConfig
from vitrail.training.job import FAILURE_FILE, JOB_FILE, Job
from vitrail.training.launch import collect_result, elastic_arguments, elastic_environment

if TYPE_CHECKING:
    from kubeflow.trainer import CustomTrainerContainer, TrainerClient

__all__ = ["TrainJobConfig", "run_trainjob", "trainjob_request"]

logger = logging.getLogger(__name__)

# Set in every node of a TrainJob by the trainer's torch plugin; expanded by the shell in the pod.
_POD_RENDEZVOUS = "${PET_MASTER_ADDR}:${PET_MASTER_PORT}"
_IS_FIRST_POD = "--rdzv-conf=is_host=$([ ${PET_NODE_RANK} = 0 ] && echo true || echo false)"
_NODE = "node"  # name of the trainer's replicated job and of its container
_COMPLETE, _FAILED = "Complete", "Failed"


@dataclass(frozen=True, kw_only=True)
class TrainJobConfig(Config):
    """Where a TrainJob runs and what it gets.

    Attributes:
        image: Container image with vitrail and its `train` extra.
        volume_claim: PersistentVolumeClaim, ReadWriteMany, with corpus, labels and work folder.
        mount_path: Where every node, and whoever submits, sees it.
        runtime: Name of a torch (Cluster)TrainingRuntime.
        resources_per_node: Kubernetes quantities; `gpu` stands for nvidia.com/gpu.
        shared_memory: Size of /dev/shm, which reader and NCCL processes talk through.
        max_resubmissions: How often a failed TrainJob is submitted again to go on from the last checkpoint.
        timeout_s: Of one TrainJob.
        poll_s: Between two looks at its state.
        labels: Of the TrainJob.
    """

    image: str
    volume_claim: str
    mount_path: str = "/vitrail"
    runtime: str = "torch-distributed"
    resources_per_node: dict[str, str] = field(default_factory=lambda: {"cpu": "4", "memory": "16Gi"})
    shared_memory: str = "8Gi"
    max_resubmissions: int = 2
    timeout_s: int = 7 * 24 * 3600
    poll_s: int = 10
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        is_absolute = PurePosixPath(self.mount_path).is_absolute()
        require(is_absolute, "mount_path", self.mount_path, "must be an absolute path")
        require(self.timeout_s > self.poll_s > 0, "poll_s", self.poll_s, "must be above 0 and below timeout_s")
        require(self.max_resubmissions >= 0, "max_resubmissions", self.max_resubmissions, "must not be negative")


def pod_command(launch: LaunchConfig, job_file: str) -> list[str]:
    """The container's command: torchrun with an explicit rendezvous at the first pod."""
    several = dataclasses.replace(launch, rendezvous=_POD_RENDEZVOUS)
    arguments = elastic_arguments(several)
    if launch.num_nodes > 1:
        arguments = [*arguments, _IS_FIRST_POD]
    # Double quotes: the shell of the pod expands what the trainer put into its environment.
    quoted = [f'"{argument}"' if "$" in argument else argument for argument in arguments]
    line = [
        "exec python -m torch.distributed.run",
        *quoted,
        "-m vitrail.training.worker",
        shlex.quote(job_file),
    ]
    return ["bash", "-c", " ".join(line)]


def trainjob_request(job: Job, work: Path, cluster: TrainJobConfig) -> "tuple[CustomTrainerContainer, list[Any]]":
    """Trainer and options for `TrainerClient.train`.

    Raises:
        ConfigError: The work folder does not lie on the shared volume.
    """
    from kubeflow.trainer import CustomTrainerContainer
    from kubeflow.trainer.options.kubernetes import Labels, TrainerCommand

    is_shared = work.is_relative_to(cluster.mount_path)
    require(is_shared, "work", str(work), f"must lie on the volume mounted at {cluster.mount_path}")
    launch = job.config.launch
    trainer = CustomTrainerContainer(
        image=cluster.image,
        num_nodes=launch.num_nodes,
        resources_per_node=dict(cluster.resources_per_node),
        env={**elastic_environment(launch), "HF_HUB_OFFLINE": "1"},
    )
    options = [
        TrainerCommand(command=pod_command(launch, str(work / JOB_FILE))),
        Labels(labels={"app.kubernetes.io/part-of": "vitrail", **cluster.labels}),
        _volumes(cluster),
    ]
    return trainer, options


def _volumes(cluster: TrainJobConfig) -> Any:
    from kubeflow.trainer.options import kubernetes as patch

    volumes = [
        {"name": "vitrail", "persistentVolumeClaim": {"claimName": cluster.volume_claim}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": cluster.shared_memory}},
    ]
    mounts = [
        {"name": "vitrail", "mountPath": cluster.mount_path},
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - a mount point, not a temporary file
    ]
    pod = patch.PodSpecPatch(volumes=volumes, containers=[patch.ContainerPatch(name=_NODE, volume_mounts=mounts)])
    template = patch.JobTemplatePatch(spec=patch.JobSpecPatch(template=patch.PodTemplatePatch(spec=pod)))
    jobs = [patch.ReplicatedJobPatch(name=_NODE, template=template)]
    job_set = patch.JobSetTemplatePatch(spec=patch.JobSetSpecPatch(replicated_jobs=jobs))
    return patch.RuntimePatch(training_runtime_spec=patch.TrainingRuntimeSpecPatch(template=job_set))


def run_trainjob(job: Job, work: Path, out: Path, cluster: TrainJobConfig, client: "TrainerClient") -> ModelManifest:
    """Submits a TrainJob, forwards its log, watches it to its end and moves the result to `out`.

    A TrainJob that fails for no reason of its own (lost node, evicted pod) is submitted again and goes on
    from the last checkpoint.

    Raises:
        TrainingError: The training failed; the message says where its checkpoints are.
        VitrailError: What a worker raised.
    """
    work.mkdir(parents=True, exist_ok=True)
    save(work / JOB_FILE, job)
    (work / FAILURE_FILE).unlink(missing_ok=True)
    trainer, options = trainjob_request(job, work, cluster)
    for attempt in range(cluster.max_resubmissions + 1):
        name = client.train(runtime=cluster.runtime, trainer=trainer, options=options)
        logger.info("TrainJob %s submitted (attempt %d)", name, attempt + 1)
        status = _watch(client, name, cluster)
        logger.info("TrainJob %s: %s", name, status)
        if status == _COMPLETE or (work / FAILURE_FILE).exists():
            break
    return collect_result(work, out, f"TrainJob {name} ended as {status}")


def _watch(client: "TrainerClient", name: str, cluster: TrainJobConfig) -> str:
    num_lines = 0
    deadline = time.monotonic() + cluster.timeout_s
    while time.monotonic() < deadline:
        status = str(client.get_job(name).status)
        num_lines = _forward_log(client, name, num_lines)
        if status in {_COMPLETE, _FAILED}:
            return status
        time.sleep(cluster.poll_s)
    client.delete_job(name)
    raise TrainingError(f"TrainJob {name} did not end within {cluster.timeout_s} s and was deleted; submit again")


def _forward_log(client: "TrainerClient", name: str, num_lines: int) -> int:
    """Logs the lines of the first node that have not been logged yet."""
    try:
        lines = list(client.get_job_logs(name))
    except RuntimeError:
        return num_lines  # the container is not there yet, or not any more
    for line in lines[num_lines:]:
        logger.info("%s | %s", name, line)
    return max(num_lines, len(lines))
