"""Where the trainings of a run take place."""

import functools

from vitrail.errors import ConfigError
from vitrail.steps.context import StepContext
from vitrail.training import Launch, run_job, run_trainjob

__all__ = ["choose_launch"]


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
