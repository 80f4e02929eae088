"""What a task hands on to the nodes of a TrainJob: the recipe's resources, and its own variables and volumes."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from components.container_images import IMAGES, pulled_from
from vitrail.recipes import ClusterConfig
from vitrail.recipes.cluster import Resources, Toleration
from vitrail.steps import Step
from vitrail.training import PodSettings

if TYPE_CHECKING:
    from kfp import dsl

__all__ = ["pod_settings"]


def pod_settings(step: Step, cluster: ClusterConfig, task_config: "dsl.TaskConfig") -> PodSettings:
    """The nodes of a TrainJob.

    Args:
        step: The training.
        cluster: Says what a node asks for.
        task_config: Variables and volumes of this task's pod, as Kubeflow Pipelines has put them together.
    """
    asked: Resources = getattr(cluster, step.resources)
    return PodSettings(
        image=pulled_from(cluster.image_prefix, IMAGES[step.image]),
        resources=_node_resources(asked),
        env=[settled for variable in task_config.env or () if (settled := _settle(variable))],
        volumes=list(task_config.volumes or ()),
        volume_mounts=list(task_config.volume_mounts or ()),
        node_selector=asked.node_selector,
        tolerations=[_toleration(item) for item in asked.tolerations],
        affinity={"nodeAffinity": asked.node_affinity} if asked.node_affinity else {},
        image_pull_secrets=[{"name": name} for name in cluster.image_pull_secrets],
        security_context={
            "runAsUser": cluster.run_as_user,
            "runAsGroup": cluster.run_as_group,
            "runAsNonRoot": True,
            "fsGroup": cluster.fs_group,
        },
        shared_memory=asked.shared_memory,
    )


def _node_resources(asked: Resources) -> dict[str, str]:
    """Of one node: the SDK takes one number for request and limit, so a node asks for all that it may use."""
    accelerators = {asked.accelerator_type: str(asked.accelerators)} if asked.accelerators else {}
    return {"cpu": asked.cpu_limit, "memory": asked.memory_limit} | accelerators


def _settle(variable: dict[str, Any]) -> dict[str, Any] | None:
    """The variable with the value that it has here, when it is told by a field of this pod or by a config map.

    A node has other fields. What a secret tells stays a reference, and what is optional and absent is left out.
    """
    if "secretKeyRef" in variable.get("valueFrom", {}):
        return variable
    value = variable.get("value", "") if "valueFrom" not in variable else os.environ.get(variable["name"])
    return None if value is None else {"name": variable["name"], "value": value}


def _toleration(item: Toleration) -> dict[str, Any]:
    given = {name: value for name, value in asdict(item).items() if value is not None}
    if "toleration_seconds" in given:
        given["tolerationSeconds"] = given.pop("toleration_seconds")
    return given
