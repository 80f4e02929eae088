"""One process of a training: `torchrun ... -m vitrail.training.worker <work>/job.json`.

The contract of every launcher: the environment of `torch.distributed.run` (rank, world size, rendezvous), a
job file, and its folder, which holds checkpoints and result and is shared by all nodes. SIGTERM and SIGINT
make the worker write a checkpoint and end with exit code 0; starting it again continues.
"""

import argparse
import contextlib
import fcntl
import functools
import logging
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from vitrail.config.logs import configure_logging
from vitrail.contracts.codec import save
from vitrail.contracts.files import atomic_folder
from vitrail.contracts.models import METRICS_FILE
from vitrail.corpus.reader.image_reader import Batch, Reader
from vitrail.errors import TrainingError, VitrailError
from vitrail.models import save_model
from vitrail.tasks.heads import EmbeddingHead
from vitrail.training.assignment import Assignment
from vitrail.training.distributed import Process, StopRequest, join_processes
from vitrail.training.errors import located
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.job import (
    FAILURE_FILE,
    RESULT_FOLDER,
    TRACE_FILE,
    Failure,
    Job,
    PretrainJob,
    read_job,
)
from vitrail.training.pretraining import assign_pretraining
from vitrail.training.probe.feature_probe import FeatureProbe
from vitrail.training.resume import identify
from vitrail.training.trainer import Trainer

__all__ = ["main"]

QUARANTINE_FOLDER = "quarantine"
_LOCK_WAIT_S = 60.0  # for a predecessor that is writing its last checkpoint
_LOCK_POLL_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains as told by a job file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vitrail.training.worker", description=__doc__)
    parser.add_argument("job", type=Path, help="the job file; its folder holds checkpoints and result")
    parser.add_argument("--launcher", type=int, help="stop when this process of this machine is gone")
    options = parser.parse_args(arguments)
    configure_logging()
    work = options.job.parent
    stop = StopRequest(options.launcher)
    try:
        _work(read_job(options.job), work, stop)
    except VitrailError as error:
        logging.getLogger(__name__).error("%s", error)
        with contextlib.suppress(OSError):  # the disk may be full
            save(work / FAILURE_FILE, Failure(error=type(error).__name__, message=str(error)))
        return 1
    return 0


def _work(job: Job, work: Path, stop: StopRequest) -> None:
    _refuse_known_failure(work)
    with join_processes(job.config.compute.device) as process:
        lock = _take_lock(work) if process.is_main else None
        try:
            process.barrier()
            torch.manual_seed(job.config.seed)
            assignment = _assign(job, process, work)
            trainer = _create_trainer(job, assignment, process, work)
            if trainer.run(lambda: bool(stop)):
                with located(f"{job.kind}, after the last step"):
                    _save_result(trainer, job, process, work)
        finally:
            if lock is not None:
                os.close(lock)


def _assign(job: Job, process: Process, work: Path) -> Assignment:
    if not isinstance(job, PretrainJob):
        return assign_finetuning(job)
    # The main process comes first: what it works out of the whole corpus, the others find in the work folder.
    if not process.is_main:
        process.barrier()
    with located(f"{job.kind}, before the first step"):
        assignment = assign_pretraining(job, work)
    if process.is_main:
        process.barrier()
    return assignment


def _refuse_known_failure(work: Path) -> None:
    """Elastic restarts are for lost workers; what failed for a reason would fail again."""
    is_restart = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if is_restart and (work / FAILURE_FILE).exists():
        raise SystemExit(1)


def _take_lock(work: Path) -> int:
    """Sees to it that one training writes in a folder."""
    lock = os.open(work / ".lock", os.O_CREAT | os.O_RDWR, 0o644)
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(lock)
                raise TrainingError(f"another process trains in {work}; stop it or wait for its end") from None
            time.sleep(_LOCK_POLL_S)
        else:
            return lock


def _create_trainer(job: Job, assignment: Assignment, process: Process, work: Path) -> Trainer:
    return Trainer(
        assignment.objective,
        job.config,
        process,
        work=work,
        identity=identify(job),
        title=job.kind,
        open_reader=functools.partial(_open_reader, job, assignment, process, work),
        name_image=functools.partial(_name_image, assignment),
        frozen_steps=assignment.frozen_steps,
        probe=_open_probe(job, assignment, process),
    )


def _open_probe(job: Job, assignment: Assignment, process: Process) -> FeatureProbe | None:
    if assignment.sample is None or not isinstance(job, PretrainJob):
        return None
    transforms = assignment.objective.model.transforms
    return FeatureProbe(assignment.sources[0].corpus, assignment.sample, transforms, job.config, process)


def _open_reader(job: Job, assignment: Assignment, process: Process, work: Path, position: int) -> Reader:
    config = job.config
    return Reader(
        assignment.sources,
        transforms=assignment.objective.model.transforms,
        augmentation=config.augmentation,
        batch_size=config.schedule.batch_size // (process.world_size * config.schedule.accumulation),
        rank=process.rank,
        world_size=process.world_size,
        seed=config.seed,
        num_workers=config.launch.num_workers,
        position=position,
        config=config.reader,
        quarantine=work / QUARANTINE_FOLDER,
        pin_memory=process.device.type == "cuda",
    )


def _name_image(assignment: Assignment, batch: Batch, item: int) -> str:
    row = int(batch.rows[item])
    for shard in assignment.sources[int(batch.source[item])].corpus.manifest.shards:
        if row < shard.num_images:
            return f"{shard.name}/{batch.image_ids[item]}"
        row -= shard.num_images
    return batch.image_ids[item]


def _save_result(trainer: Trainer, job: Job, process: Process, work: Path) -> None:
    model = trainer.trained_model()
    if model is not None:
        for head in model.heads.values():
            if isinstance(head, EmbeddingHead):
                head.rotate()
        with atomic_folder(work / RESULT_FOLDER) as folder:
            save_model(folder, model, job.lineage)
            for name in (METRICS_FILE, TRACE_FILE):
                if (work / name).exists():
                    shutil.copyfile(work / name, folder / name)
    process.barrier()


if __name__ == "__main__":
    sys.exit(main())
