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


def train_here(job: Job, work: Path, out: Path) -> ModelManifest:
    """Runs a job of one process to its end in this process's main thread; a `Launch`.

    SIGTERM and SIGINT, and the end of the process that started this one, write a checkpoint and end the training.

    Raises:
        TrainingError: The training failed, or was stopped and can be continued.
        VitrailError: What it raised.
    """
    work.mkdir(parents=True, exist_ok=True)
    save(work / JOB_FILE, job)
    discard_outcome(work)
    os.environ.update(_group_of_one())
    code = main([str(work / JOB_FILE)])
    return collect_result(work, out, f"the worker ended with exit code {code}")


def _group_of_one() -> dict[str, str]:
    """What `torch.distributed.run` sets for the only process of a group."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    one = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
    return one | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
