"""The steps of a run among what the API calls its tasks, which are the nodes of an Argo workflow.

A step `gate_model` is a node `gate-model` without a pod, with a node `executor` below it, and `executor(0)` and so on
below that one where it was tried again. `gate-model-driver` prepares it. A node's children are those that start after
it as well, so whatever lies below is told by its name. A child is named as Argo names nodes, `WORKFLOW-HASH`, and a
pod `WORKFLOW-TEMPLATE-HASH`: the hash is what they share.
"""

import re
from collections.abc import Iterable, Iterator

from kfp_server_api import V2beta1PipelineTaskDetail, V2beta1Run

__all__ = ["pods_of_step", "states_of_steps"]

_EXECUTOR = re.compile(r"executor(\(\d+\))?")


def states_of_steps(run: V2beta1Run, steps: Iterable[str]) -> dict[str, str]:
    """The states of those steps that the server knows yet, in the order of `steps`."""
    states = {task.display_name: task.state for task in _tasks(run)}
    return {step: states[_task_name(step)] for step in steps if states.get(_task_name(step))}


def pods_of_step(run: V2beta1Run, step: str) -> list[str]:
    """The pods in which a step ran, one a try; the one that prepared it, if it never ran."""
    tasks = _tasks(run)
    own = [task for task in tasks if task.display_name == _task_name(step)]
    tries = [task for task in _executors(own, {_hash(task.pod_name): task for task in tasks}) if task.pod_name]
    if not tries:
        tries = [task for task in tasks if task.display_name == f"{_task_name(step)}-driver" and task.pod_name]
    return [task.pod_name for task in tries]


def _executors(
    tasks: Iterable[V2beta1PipelineTaskDetail], by_hash: dict[str, V2beta1PipelineTaskDetail]
) -> Iterator[V2beta1PipelineTaskDetail]:
    for task in tasks:
        children = [by_hash.get(_hash(child.pod_name)) for child in task.child_tasks or ()]
        below = [child for child in children if child and _EXECUTOR.fullmatch(child.display_name or "")]
        if below:
            yield from _executors(below, by_hash)
        elif _EXECUTOR.fullmatch(task.display_name):
            yield task


def _tasks(run: V2beta1Run) -> list[V2beta1PipelineTaskDetail]:
    return (run.run_details and run.run_details.task_details) or []


def _task_name(step: str) -> str:
    return step.replace("_", "-")


def _hash(name: str | None) -> str:
    return (name or "").rpartition("-")[2]
