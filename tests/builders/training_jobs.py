"""Small trainings on the mini corpus, and processes that run them as `torch.distributed.run` would."""

import dataclasses
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import load_file

from vitrail.contracts.codec import save
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus import Corpus
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.training import (
    CheckpointConfig,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    PretrainConfig,
    ScheduleConfig,
)
from vitrail.training.job import JOB_FILE, Job
from vitrail.training.stages import finetune_job, pretrain_job

__all__ = [
    "LINEAGE",
    "KillOneRank",
    "finetune_config",
    "launch",
    "pretrain_config",
    "read_log",
    "read_metrics",
    "result_weights",
    "start_workers",
    "train",
    "wait_for_step",
    "worker_environment",
    "write_features",
    "write_finetune",
    "write_pretrain",
]

LINEAGE = Lineage(run_id="test")
TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "depth": 2, "embed_dim": 48, "num_heads": 3}
)
TRANSFORMS = Transforms(image_size=32)

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["vitrail.training.worker"])


def pretrain_config(**changes) -> PretrainConfig:
    return dataclasses.replace(
        PretrainConfig(
            architecture=TRUNK,
            transforms=TRANSFORMS,
            schedule=ScheduleConfig(num_steps=12, batch_size=16, warmup_steps=2),
            checkpoint=CheckpointConfig(every_steps=3),
            augmentation=LIGHT,
            log_every_steps=1,
        ),
        **changes,
    )


def finetune_config(**changes) -> FinetuneConfig:
    return dataclasses.replace(
        FinetuneConfig(
            architecture=TRUNK,
            transforms=TRANSFORMS,
            schedule=ScheduleConfig(num_steps=12, batch_size=16, warmup_steps=2),
            optimizer=OptimizerConfig(ema_decay=0.9, layer_decay=0.8),
            checkpoint=CheckpointConfig(every_steps=3),
            embedding_dim=16,
            log_every_steps=1,
        ),
        **changes,
    )


def write_pretrain(work: Path, corpus: Path, labels: Path, config: PretrainConfig, **options) -> Path:
    return _write(work, pretrain_job(corpus=corpus, labels=labels, config=config, lineage=LINEAGE, **options))


def write_finetune(
    work: Path, corpus: Path, labels: Path, config: FinetuneConfig, backbone: Path | None = None
) -> Path:
    job = finetune_job(corpus=corpus, labels=labels, features=None, backbone=backbone, config=config, lineage=LINEAGE)
    return _write(work, job)


def _write(work: Path, job: Job) -> Path:
    work.mkdir(exist_ok=True)
    save(work / JOB_FILE, job)
    return work


def write_features(folder: Path, corpus: Corpus, label_ids: list[int]) -> Path:
    """Training sets as the feature store gives them: null features where the text is younger."""
    (folder / "training_sets").mkdir(parents=True)
    for task in corpus.manifest.tasks:
        table = corpus.task_labels(task.name)
        rows = [
            {
                **row,
                "top_label_ids": label_ids if number % 2 else None,
                "top_scores": [0.9, 0.1] if number % 2 else None,
                "num_signals": 2,
                "language": "en",
            }
            for number, row in enumerate(table.to_pylist())
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "training_sets" / f"{task.name}.parquet")
    return folder


def start_workers(work: Path, num_processes: int = 1) -> list[ForkServerProcess]:
    """Starts the workers of the job in `work` with the environment of `torch.distributed.run`."""
    port = _free_port()
    processes = [
        _CONTEXT.Process(target=_enter_worker, args=(work, worker_environment(rank, num_processes, port)))
        for rank in range(num_processes)
    ]
    for process in processes:
        process.start()
    return processes


def worker_environment(rank: int, world_size: int, port: int | None = None) -> dict[str, str]:
    """What `torch.distributed.run` sets for one process of a group that meets at `port`; default: a free one."""
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port or _free_port()),
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def train(work: Path, num_processes: int = 1) -> list[int]:
    """Runs the job in `work` to its end; returns the exit codes."""
    processes = start_workers(work, num_processes)
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


def _enter_worker(work: Path, environment: dict[str, str]) -> None:
    os.environ |= environment
    import torch

    from vitrail.training.worker import main

    torch.set_num_threads(1)
    raise SystemExit(main([str(work / JOB_FILE)]))


def read_log(work: Path) -> list[dict]:
    """Every line that a training logged: those of its steps, and of looks at its features."""
    return [json.loads(line) for line in (work / "training.jsonl").read_text().splitlines()]


def read_metrics(work: Path) -> list[dict]:
    """The lines of its steps."""
    return [line for line in read_log(work) if "loss" in line]


def wait_for_step(work: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while not (work / "training.jsonl").exists() or len(read_metrics(work)) < step:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def result_weights(work: Path) -> dict:
    return load_file(work / "result" / "model.safetensors")


def launch(**changes) -> LaunchConfig:
    return dataclasses.replace(LaunchConfig(), **changes)


class KillOneRank(threading.Thread):
    """Kills rank 1 of the workers that this process launched, once there is a checkpoint."""

    def __init__(self, work: Path) -> None:
        super().__init__()
        self._work = work
        self.num_killed = 0

    def run(self) -> None:
        deadline = time.monotonic() + 90
        while not list((self._work / "checkpoints").glob("step-*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and self._is_rank_one(folder):
                os.kill(int(folder.name), signal.SIGKILL)
                self.num_killed += 1

    def _is_rank_one(self, folder: Path) -> bool:
        try:
            command = (folder / "cmdline").read_text().split("\0")
            environment = (folder / "environ").read_text().split("\0")
        except OSError:
            return False
        is_worker = "vitrail.training.worker" in command and "vitrail.training.elastic" not in command
        return is_worker and str(self._work / JOB_FILE) in command and "RANK=1" in environment
