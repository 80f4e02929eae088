"""What a pipeline task hands on to the nodes of the TrainJob that it submits."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["PodSettings"]


@dataclass(frozen=True, kw_only=True)
class PodSettings:
    """What each node of a TrainJob gets, as in a Kubernetes pod spec: the fields of `dsl.TaskConfig`, and an image.

    Attributes:
        image: Container image with vitrail and its `train` extra.
    """

    image: str
    resources: dict[str, Any] = field(default_factory=dict)
    env: list[dict[str, Any]] = field(default_factory=list)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    volume_mounts: list[dict[str, Any]] = field(default_factory=list)
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    affinity: dict[str, Any] = field(default_factory=dict)
