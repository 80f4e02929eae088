"""Where the trainings of a run take place, and when an earlier one can be taken up."""

import functools
from typing import Any

from vitrail.errors import ConfigError
from vitrail.steps.context import StepContext
from vitrail.training import FinetuneConfig, Launch, PretrainConfig, decisive_fields, run_job, run_trainjob

__all__ = ["choose_launch", "training_key"]


def training_key(config: PretrainConfig | FinetuneConfig) -> dict[str, Any]:
    """The part of a recipe that names a training's artifact and work folder.

    Processes, precision and checkpoints may change in the middle; a profile has to be made when it is asked for.
    """
    return {**decisive_fields(config), "profile_steps": config.profile_steps}


def choose_launch(context: StepContext) -> Launch:
    """In the task itself, or as a TrainJob when the recipe's cluster section has one.

    Raises:
        ConfigError: A TrainJob is wanted by a task that has no volume to share with it.
    """
    config = context.recipe.cluster.trainjob
    if config is None:
        return run_job
    if context.pod is None or not context.pod.volume_mounts:
        raise ConfigError(
            "cluster.trainjob is set, but this task has no volume to hand on to a TrainJob: run the graph compiled for "
            "this recipe on Kubeflow Pipelines, or set it to null to train right here"
        )
    from kubeflow.trainer import TrainerClient

    return functools.partial(run_trainjob, config=config, pod=context.pod, client=TrainerClient())
