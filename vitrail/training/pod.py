"""What the nodes of a TrainJob are given by the pipeline task that submits it."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["PodSettings"]


@dataclass(frozen=True, kw_only=True)
class PodSettings:
    """What each node of a TrainJob gets, as in a Kubernetes pod spec.

    Attributes:
        image: Container image with vitrail and its `train` extra.
        shared_memory: Size of /dev/shm; empty leaves the one of the container engine.
    """

    image: str
    resources: dict[str, str] = field(default_factory=dict)
    env: list[dict[str, Any]] = field(default_factory=list)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    volume_mounts: list[dict[str, Any]] = field(default_factory=list)
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    affinity: dict[str, Any] = field(default_factory=dict)
    image_pull_secrets: list[dict[str, str]] = field(default_factory=list)
    security_context: dict[str, Any] = field(default_factory=dict)
    shared_memory: str = ""
