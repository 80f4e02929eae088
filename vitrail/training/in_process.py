"""A training inside the process that asks for it: many small ones in a row would mostly load libraries otherwise."""

import os
import socket
from pathlib import Path

from vitrail.contracts.codec import save
from vitrail.contracts.models import ModelManifest
from vitrail.training.job import JOB_FILE, Job
from vitrail.training.local_launch import collect_result, discard_outcome
from vitrail.training.worker import main

__all__ = ["train_here"]


def train_here(job: Job, work: Path, out: Path, *, launcher: int) -> ModelManifest:
    """Runs a job of one process to its end in this process's main thread.

    SIGTERM and SIGINT, and the end of the launcher, write a checkpoint and end the training.

    Args:
        job: What to train.
        work: Where checkpoints are kept; a later call with the same folder continues.
        out: Where the model folder appears, whole.
        launcher: Process without which the training has no reason to go on, even if it ended before this call.

    Raises:
        TrainingError: The training failed, or was stopped and can be continued.
        VitrailError: What it raised.
    """
    work.mkdir(parents=True, exist_ok=True)
    save(work / JOB_FILE, job)
    discard_outcome(work)
    os.environ.update(_group_of_one())
    code = main([str(work / JOB_FILE), f"--launcher={launcher}"])
    return collect_result(work, out, f"the worker ended with exit code {code}")


def _group_of_one() -> dict[str, str]:
    """What `torch.distributed.run` sets for the only process of a group."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    one = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    return one | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
