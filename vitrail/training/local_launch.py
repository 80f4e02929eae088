"""Starts trainings with `torch.distributed.run` on this machine and brings home what they leave."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import vitrail.errors
from vitrail.config import require
from vitrail.contracts.codec import load, save
from vitrail.contracts.files import atomic_folder
from vitrail.contracts.models import ModelManifest
from vitrail.errors import TrainingError, VitrailError
from vitrail.models import load_manifest
from vitrail.training.config import LaunchConfig
from vitrail.training.job import FAILURE_FILE, JOB_FILE, RESULT_FOLDER, Failure, Job, list_checkpoints

__all__ = [
    "ELASTIC_ENVIRONMENT",
    "Launch",
    "collect_result",
    "discard_outcome",
    "elastic_arguments",
    "run_job",
    "terminate_as_exit",
]

logger = logging.getLogger(__name__)

Launch = Callable[[Job, Path, Path], ModelManifest]  # job, work folder, where the result goes

# What `torch.distributed.run` needs on every node besides what it sets itself: without it the workers of a restarted
# group meet in the store of the group that died, read its addresses and wait for them for ever (torch 2.14.1, gloo).
ELASTIC_ENVIRONMENT = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}

_GRACE_S = 120.0  # for the checkpoint that a stopped worker writes
_KILL_S = 15.0  # for torch.distributed.run to kill workers that did not end by then


def elastic_arguments(launch: LaunchConfig) -> list[str]:
    """Arguments of `torch.distributed.run`: on one node it meets itself, several meet at `rendezvous`."""
    arguments = [
        f"--nproc-per-node={launch.num_processes}",
        f"--max-restarts={launch.max_restarts}",
        f"--shutdown-timeout={int(_GRACE_S)}",
        "--monitor-interval=0.1",
    ]
    if launch.num_nodes == 1:
        return ["--standalone", *arguments]
    has_meeting = launch.rendezvous is not None
    require(has_meeting, "launch.rendezvous", None, "several nodes hang without an explicit host:port to meet")
    return [
        *arguments,
        f"--nnodes={launch.num_nodes}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={launch.rendezvous}",
        "--rdzv-id=vitrail",
    ]


def run_job(job: Job, work: Path, out: Path) -> ModelManifest:
    """Runs a job to its end, from its last checkpoint if there is one, and moves the result to `out`.

    Raises:
        TrainingError: The training failed, or was stopped and can be continued.
        VitrailError: What a worker raised.
    """
    work.mkdir(parents=True, exist_ok=True)
    save(work / JOB_FILE, job)
    discard_outcome(work)
    command = [
        sys.executable,
        "-m",
        "vitrail.training.elastic",
        *elastic_arguments(job.config.launch),
        "-m",
        "vitrail.training.worker",
        str(work / JOB_FILE),
        f"--launcher={os.getpid()}",
    ]
    code = _run(command)
    return collect_result(work, out, f"workers ended with exit code {code}")


def discard_outcome(work: Path) -> None:
    """Removes what an earlier start of a job left, except its checkpoints and log."""
    (work / FAILURE_FILE).unlink(missing_ok=True)
    shutil.rmtree(work / RESULT_FOLDER, ignore_errors=True)


def collect_result(work: Path, out: Path, ending: str) -> ModelManifest:
    """Copies the result of a finished job to `out`, which appears whole.

    Raises:
        TrainingError: There is no result; the message holds `ending` and how to go on.
        VitrailError: What a worker raised.
    """
    if not (work / RESULT_FOLDER).exists():
        raise _explain(work, ending)
    with atomic_folder(out) as folder:
        shutil.copytree(work / RESULT_FOLDER, folder, dirs_exist_ok=True)
    return load_manifest(out)


def _explain(work: Path, ending: str) -> VitrailError:
    if (work / FAILURE_FILE).exists():
        failure = load(Failure, work / FAILURE_FILE)
        kind = getattr(vitrail.errors, failure.error, TrainingError)
        return kind(failure.message)
    paths = list_checkpoints(work / "checkpoints")
    last = f"start again to continue from {paths[-1].name}" if paths else "there is no checkpoint yet"
    return TrainingError(f"training in {work} is not complete: {ending}; {last}")


def _run(command: list[str]) -> int:
    # A session of its own: Ctrl-C reaches only this process, which then asks the workers to end in order.
    process = subprocess.Popen(command, env={**os.environ, **ELASTIC_ENVIRONMENT}, start_new_session=True)
    with terminate_as_exit():
        try:
            return process.wait()
        except BaseException:
            logger.warning("stopping: the workers write a checkpoint")
            process.terminate()
            try:
                process.wait(timeout=_GRACE_S + _KILL_S)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


@contextlib.contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Lets SIGTERM unwind this process instead of ending it on the spot and leaving its workers behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
