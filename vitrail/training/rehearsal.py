"""A multi-node training on one Docker host, through the container backend of the `kubeflow` SDK.

One container a node, a network of their own, gloo between them, and one shared folder, which the backend mounts
at /workspace. The backend knows functions only (kubeflow 0.5.0), so the worker is entered through one; image,
job file, folder and what happens after a lost node are those of `vitrail.training.trainjob`.
"""

import contextlib
import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.contracts.codec import save
from vitrail.contracts.models import ModelManifest
from vitrail.training.config import TrainJobConfig
from vitrail.training.job import JOB_FILE, PretrainJob
from vitrail.training.local_launch import ELASTIC_ENVIRONMENT, collect_result
from vitrail.training.trainjob import submit_until_done

if TYPE_CHECKING:
    from kubeflow.trainer import TrainerClient

__all__ = ["rehearse"]

_MOUNT = Path("/workspace")
_NETWORK_VARIABLES = {"HF_HUB_OFFLINE": "1"}


def _enter_worker(job_file: str) -> None:
    """Its source is sent into the containers, where nothing else of this module exists."""
    import sys

    from vitrail.training.worker import main

    sys.exit(main([job_file]))


def rehearse(
    job: PretrainJob, shared: Path, out: Path, *, name: str, image: str, config: TrainJobConfig, client: "TrainerClient"
) -> ModelManifest:
    """Pretrains in `launch.num_nodes` containers and moves the result to `out`.

    Args:
        job: Its corpus and labels are copied into the shared folder.
        shared: The folder of this job that the backend mounts: ~/.kubeflow/trainer/containers/<name>.
        out: Where the model folder appears, whole.
        name: Of the job and, with a suffix, its containers.
        image: With vitrail and its `train` extra.
        config: How patient to be.
        client: With a container backend that keeps the folder of a job that is removed.

    Raises:
        TrainingError: The training failed.
    """
    from kubeflow.trainer import CustomTrainer
    from kubeflow.trainer.options import Name

    work = shared / "work"
    work.mkdir(parents=True)
    for folder in ("corpus", "labels"):
        shutil.copytree(getattr(job, folder), shared / folder)
    inside = dataclasses.replace(job, corpus=str(_MOUNT / "corpus"), labels=str(_MOUNT / "labels"))
    save(work / JOB_FILE, inside)
    shared.chmod(0o777)  # the image's user is not the one who runs this
    work.chmod(0o777)
    trainer = CustomTrainer(
        func=_enter_worker,
        func_args={"job_file": str(_MOUNT / "work" / JOB_FILE)},
        image=image,
        num_nodes=job.config.launch.num_nodes,
        env={**ELASTIC_ENVIRONMENT, **_NETWORK_VARIABLES},
    )

    def submit(attempt: int) -> str:
        if attempt:
            client.delete_job(name)
        return client.train(runtime=config.runtime, trainer=trainer, options=[Name(name)])

    try:
        ending = submit_until_done(submit, work, config, client)
        return collect_result(work, out, ending)
    finally:
        with contextlib.suppress(ValueError):  # it has been removed already
            client.delete_job(name)
