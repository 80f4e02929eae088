"""Trainings on a cluster: a Kubeflow TrainJob through the `kubeflow` SDK.

The job is the one that `vitrail.training.local_launch` runs on this machine: environment, job file, shared folder.
The folder lies on a volume that this process and every node see at the same path.
"""

import dataclasses
import logging
import shlex
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.config import require
from vitrail.contracts.codec import save
from vitrail.contracts.models import ModelManifest
from vitrail.errors import TrainingError
from vitrail.training.config import LaunchConfig, TrainJobConfig
from vitrail.training.job import FAILURE_FILE, JOB_FILE, RESULT_FOLDER, Job
from vitrail.training.local_launch import (
    ELASTIC_ENVIRONMENT,
    collect_result,
    discard_outcome,
    elastic_arguments,
    terminate_as_exit,
)
from vitrail.training.pod import PodSettings
from vitrail.training.secret_variables import SecretVariables

if TYPE_CHECKING:
    from kubeflow.trainer import CustomTrainerContainer, TrainerClient

__all__ = ["run_trainjob", "submit_until_done", "trainjob_request"]

logger = logging.getLogger(__name__)

# Set in every node of a TrainJob by the trainer's torch plugin; expanded by the shell in the pod.
_POD_RENDEZVOUS = "${PET_MASTER_ADDR}:${PET_MASTER_PORT}"
_IS_FIRST_POD = "--rdzv-conf=is_host=$([ ${PET_NODE_RANK} = 0 ] && echo true || echo false)"
_TRAINJOB_FILE = "trainjob"  # in the work folder: the name of the last TrainJob
_NODE = "node"  # name of the trainer's replicated job and of its container
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a mount point, not a temporary file
_NOT_FOUND = 404
_ENDED = frozenset({"Complete", "Failed"})
_API_ERRORS = (RuntimeError, TimeoutError)  # what the SDK makes of anything the API server does not answer well
_MAX_API_FAILURES = 60  # in a row


def pod_command(launch: LaunchConfig, job_file: str, exports: str = "") -> list[str]:
    """The container's command: torchrun with an explicit rendezvous at the first pod, after the shell's `exports`."""
    several = dataclasses.replace(launch, rendezvous=_POD_RENDEZVOUS)
    arguments = elastic_arguments(several)
    if launch.num_nodes > 1:
        arguments = [*arguments, _IS_FIRST_POD]
    # Double quotes: the shell of the pod expands what the trainer put into its environment.
    quoted = [f'"{argument}"' if "$" in argument else argument for argument in arguments]
    line = [
        "exec python -m vitrail.training.elastic",
        *quoted,
        "-m vitrail.training.worker",
        shlex.quote(job_file),
    ]
    return ["bash", "-c", exports + " ".join(line)]


def trainjob_request(
    job: Job, work: Path, pod: PodSettings, config: TrainJobConfig
) -> "tuple[CustomTrainerContainer, list[Any]]":
    """Trainer and options for `TrainerClient.train`.

    Raises:
        ConfigError: The work folder does not lie on a volume that the nodes mount, or a variable has no value.
    """
    from kubeflow.trainer import CustomTrainerContainer
    from kubeflow.trainer.options.kubernetes import Labels, TrainerCommand

    mounts = [mount["mountPath"] for mount in pod.volume_mounts]
    is_shared = any(work.is_relative_to(mount) for mount in mounts)
    require(
        is_shared,
        "work",
        str(work),
        f"must lie on a volume that every node mounts, at one of {mounts}",
    )
    launch = job.config.launch
    secrets = SecretVariables.among(pod.env)
    trainer = CustomTrainerContainer(
        image=pod.image,
        num_nodes=launch.num_nodes,
        resources_per_node=pod.resources,
        env={**_plain_values(pod.env), **ELASTIC_ENVIRONMENT, "HF_HUB_OFFLINE": "1"},
    )
    options = [
        TrainerCommand(command=pod_command(launch, str(work / JOB_FILE), secrets.exports)),
        Labels(labels={"app.kubernetes.io/part-of": "vitrail", "app.kubernetes.io/component": job.kind}),
        _pod_patch(pod, secrets),
    ]
    return trainer, options


def _plain_values(env: list[dict[str, Any]]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in env if "value" in variable}


def _pod_patch(pod: PodSettings, secrets: SecretVariables) -> Any:
    from kubeflow.trainer.options import kubernetes as patch

    volumes, mounts = [*pod.volumes, *secrets.volumes], [*pod.volume_mounts, *secrets.volume_mounts]
    if pod.shared_memory and all(mount["mountPath"] != _SHARED_MEMORY for mount in mounts):
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": pod.shared_memory}})
        mounts.append({"name": "shm", "mountPath": _SHARED_MEMORY})
    spec = patch.PodSpecPatch(
        volumes=volumes,
        containers=[patch.ContainerPatch(name=_NODE, volume_mounts=mounts)],
        node_selector=pod.node_selector or None,
        tolerations=pod.tolerations or None,
        affinity=pod.affinity or None,
        image_pull_secrets=pod.image_pull_secrets or None,
        security_context=pod.security_context or None,
    )
    template = patch.JobTemplatePatch(spec=patch.JobSpecPatch(template=patch.PodTemplatePatch(spec=spec)))
    jobs = [patch.ReplicatedJobPatch(name=_NODE, template=template)]
    job_set = patch.JobSetTemplatePatch(spec=patch.JobSetSpecPatch(replicated_jobs=jobs))
    return patch.RuntimePatch(training_runtime_spec=patch.TrainingRuntimeSpecPatch(template=job_set))


def run_trainjob(
    job: Job, work: Path, out: Path, *, config: TrainJobConfig, pod: PodSettings, client: "TrainerClient"
) -> ModelManifest:
    """Runs a job as a TrainJob to its end and moves the result to `out`.

    Raises:
        TrainingError: The training failed; the message says where its checkpoints are.
        VitrailError: What a worker raised.
    """
    from kubeflow.trainer.options import Name

    trainer, options = trainjob_request(job, work, pod, config)
    work.mkdir(parents=True, exist_ok=True)
    save(work / JOB_FILE, job)

    def submit(attempt: int) -> str:
        name = f"vitrail-{uuid.uuid4().hex[:12]}"
        (work / _TRAINJOB_FILE).write_text(name)  # first: a kill in between must not leave a TrainJob nobody knows
        return client.train(runtime=config.runtime, trainer=trainer, options=[*options, Name(name)])

    ending = submit_until_done(submit, work, config, client)
    return collect_result(work, out, ending)


def submit_until_done(submit: Callable[[int], str], work: Path, config: TrainJobConfig, client: "TrainerClient") -> str:
    """Submits a TrainJob, forwards its log and watches it; again when it ends without result or reason.

    A lost node or an evicted pod leaves neither; the next TrainJob goes on from the last checkpoint. When this
    process has to end, the TrainJob is deleted, whereupon its workers write a checkpoint. An API server that does
    not answer for a while is no reason for that. A TrainJob whose watcher was killed is taken up where it is.

    Args:
        submit: Starts the given attempt, counted from 0, and returns the TrainJob's name.
        work: The work folder as this process sees it.
        config: How patient to be.
        client: Where the TrainJob runs.

    Returns:
        How the last TrainJob ended.

    Raises:
        TrainingError: One did not end in time, or cannot be watched any more.
    """
    running = _find_running(work, client)
    if running is None:
        discard_outcome(work)
    ending = ""
    for attempt in range(config.max_resubmissions + 1):
        name = running or submit(attempt)
        logger.info("TrainJob %s %s (attempt %d)", name, "runs already" if running else "submitted", attempt + 1)
        running = None
        with terminate_as_exit():
            try:
                status = _watch(client, name, config)
            except (SystemExit, KeyboardInterrupt):
                client.delete_job(name)
                raise
        ending = f"TrainJob {name} ended as {status}"
        logger.info("%s", ending)
        if (work / RESULT_FOLDER).exists() or (work / FAILURE_FILE).exists():
            break
    return ending


def _find_running(work: Path, client: "TrainerClient") -> str | None:
    """The TrainJob that an earlier start submitted for this work folder, unless it has ended or is gone."""
    if not (work / _TRAINJOB_FILE).exists():
        return None
    name = (work / _TRAINJOB_FILE).read_text()
    try:
        return None if str(client.get_job(name).status) in _ENDED else name
    except _API_ERRORS as error:
        is_gone = getattr(error.__cause__, "status", None) == _NOT_FOUND
        return None if is_gone else name  # an API server that does not answer is waited for by `_watch`


def _watch(client: "TrainerClient", name: str, config: TrainJobConfig) -> str:
    num_lines: list[int] = []
    num_failures = 0
    deadline = time.monotonic() + config.timeout_s
    while time.monotonic() < deadline:
        try:
            status = str(client.get_job(name).status)
        except _API_ERRORS as error:
            num_failures += 1
            _tolerate(name, num_failures, error)
        else:
            num_failures = 0
            _forward_log(client, name, num_lines)
            if status in _ENDED:
                return status
        time.sleep(config.poll_s)
    client.delete_job(name)
    raise TrainingError(f"TrainJob {name} did not end within {config.timeout_s:g} s and is deleted; submit again")


def _tolerate(name: str, num_failures: int, error: Exception) -> None:
    reason = " ".join(f"{error}: {error.__cause__}".splitlines()[:2])
    if num_failures == _MAX_API_FAILURES:
        raise TrainingError(
            f"the state of TrainJob {name} could not be read {num_failures} times in a row ({reason}) and the TrainJob "
            "is left as it is; wait for its end or delete it, then start again to continue from the last checkpoint"
        ) from error
    logger.warning("the state of TrainJob %s could not be read (%d in a row): %s", name, num_failures, reason)


def _forward_log(client: "TrainerClient", name: str, num_lines: list[int]) -> None:
    """Logs what has not been logged yet of each chunk: a line of the first node, or all of a container's log."""
    try:
        chunks = list(client.get_job_logs(name))
    except _API_ERRORS:
        return  # the container is not there yet, or not any more, or the API server is busy: the next look has it all
    num_lines += [0] * (len(chunks) - len(num_lines))
    for number, chunk in enumerate(chunks):
        lines = chunk.splitlines()
        for line in lines[num_lines[number] :]:
            logger.info("%s | %s", name, line)
        num_lines[number] = len(lines)
