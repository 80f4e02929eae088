"""Where the trainings of a run take place."""

import functools
from pathlib import Path

from vitrail.contracts.models import METRICS_FILE, ModelManifest
from vitrail.errors import ConfigError
from vitrail.recipes import Recipe
from vitrail.steps.curves import logged_curves
from vitrail.training import Launch, PodSettings, run_job, run_trainjob
from vitrail.training.job import Job

__all__ = ["make_launch"]


def make_launch(step: str, run_id: str, recipe: Recipe, pod: PodSettings | None) -> Launch:
    """What trains the job of a step, where the recipe says, with its curves in MLflow."""

    def launch(job: Job, work: Path, out: Path) -> ModelManifest:
        train = _choose(recipe, pod)
        with logged_curves(work / METRICS_FILE, step=step, run_id=run_id, config=recipe.registry):
            return train(job, work, out)

    return launch


def _choose(recipe: Recipe, pod: PodSettings | None) -> Launch:
    """In the task itself, or as a TrainJob when the recipe's cluster section has one."""
    config = recipe.cluster.trainjob
    if config is None:
        return run_job
    if pod is None or not pod.volume_mounts:
        raise ConfigError(
            "cluster.trainjob is set, but this task has no volume to hand on to a TrainJob: run the graph compiled for "
            "this recipe on Kubeflow Pipelines, or set it to null to train right here"
        )
    from kubeflow.trainer import TrainerClient

    return functools.partial(run_trainjob, config=config, pod=pod, client=TrainerClient())
