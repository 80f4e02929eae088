"""What the tasks of a run ask of a cluster, by the kind of their work. A local run passes over all of it."""

import math
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from vitrail.config import Config, require
from vitrail.training import TrainJobConfig

__all__ = ["ClusterConfig", "Resources", "Retries", "SecretVariable", "Toleration"]

_IMAGE_PREFIX = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*")
_CPU = re.compile(r"(\d*\.)?\d+m?")
_MEMORY = re.compile(r"(\d+)([EPTGMK]?i?)")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NODE_AFFINITY = {"requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"}
_MARGIN_S = 3600  # for a watcher to see the end of the last TrainJob, and to move its result


@dataclass(frozen=True, kw_only=True)
class Toleration(Config):
    """A taint of nodes that a task does not mind; without `key`, every taint."""

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None

    def __post_init__(self) -> None:
        is_told = self.key is not None or self.operator == "Exists"
        require(is_told, "toleration.key", self.key, "name the taint, or tolerate every one with operator Exists")


@dataclass(frozen=True, kw_only=True)
class SecretVariable(Config):
    """An environment variable whose value is a key of a Kubernetes secret in the namespace of the run."""

    variable: str
    secret: str
    key: str

    def __post_init__(self) -> None:
        is_name = bool(_VARIABLE.fullmatch(self.variable))
        require(is_name, "variable", self.variable, "give the name of an environment variable")


@dataclass(frozen=True, kw_only=True)
class Retries(Config):
    """How often a task whose pod failed or was lost is started again, and how long after.

    Attributes:
        backoff_s: Before the first retry; each further one waits `backoff_factor` times as long, but no longer than
            `backoff_max_s`.
    """

    num: int = 2
    backoff_s: int = 30
    backoff_factor: float = 2.0
    backoff_max_s: int = 600

    def __post_init__(self) -> None:
        require(self.num >= 0, "num", self.num, "give 0 or more")
        is_order = 1 <= self.backoff_s <= self.backoff_max_s
        require(is_order, "backoff_s", self.backoff_s, f"must be in 1 to backoff_max_s={self.backoff_max_s}")
        require(self.backoff_factor >= 1, "backoff_factor", self.backoff_factor, "give 1 or more")


@dataclass(frozen=True, kw_only=True)
class Resources(Config):
    """What the tasks of one kind ask of Kubernetes, in its units.

    Attributes:
        accelerators: GPUs, all of which the task uses.
        accelerator_type: Resource name of one.
        shared_memory: Size of /dev/shm, which reader and NCCL processes talk through, a part of the memory; empty
            leaves the 64 MiB of the container engine.
        node_selector: Labels that a node must have.
        node_affinity: A Kubernetes NodeAffinity, as in a pod's `affinity.nodeAffinity`.
        timeout_s: Of one try.
    """

    cpu_request: str = "2"
    cpu_limit: str = "4"
    memory_request: str = "8Gi"
    memory_limit: str = "8Gi"
    accelerators: int = 0
    accelerator_type: str = "nvidia.com/gpu"
    shared_memory: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    node_affinity: dict[str, Any] = field(default_factory=dict)
    retries: Retries = field(default_factory=Retries)
    timeout_s: int = 24 * 3600

    def __post_init__(self) -> None:
        for name in ("cpu_request", "cpu_limit"):
            value = getattr(self, name)
            require(bool(_CPU.fullmatch(value)), name, value, "give cores, as 2 or 0.5, or thousandths, as 500m")
        for name in ("memory_request", "memory_limit", "shared_memory"):
            value = getattr(self, name)
            is_empty = not value and name == "shared_memory"
            require(is_empty or bool(_MEMORY.fullmatch(value)), name, value, "give bytes with a unit, as 8Gi")
        _require_no_more("cpu_request", _cores(self.cpu_request), "cpu_limit", _cores(self.cpu_limit))
        _require_no_more("memory_request", _bytes(self.memory_request), "memory_limit", _bytes(self.memory_limit))
        _require_no_more("shared_memory", _bytes(self.shared_memory or "0"), "memory_limit", _bytes(self.memory_limit))
        require(self.accelerators >= 0, "accelerators", self.accelerators, "give 0 or more")
        is_affinity = set(self.node_affinity) <= _NODE_AFFINITY
        remedy = f"its fields are {' and '.join(sorted(_NODE_AFFINITY))}; pods cannot be named"
        require(is_affinity, "node_affinity", sorted(self.node_affinity), remedy)
        require(self.timeout_s >= 1, "timeout_s", self.timeout_s, "give a second or more")


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(Config):
    """Where tasks run and what they ask of Kubernetes.

    Attributes:
        workspace_claim: PersistentVolumeClaim (ReadWriteMany) that all tasks share.
        workspace_mount: Where it is mounted.
        image_prefix: Registry and path that images are pulled from, before `vitrail/python-train`; without one a
            node would look in a public registry.
        image_pull_secrets: Names of the secrets that it is pulled with.
        secret_variables: Environment of every task and of the nodes of TrainJobs: credentials of registry and stores.
        run_as_user: Number of the user; the images are built for 10001.
        run_as_group: Number of its group.
        fs_group: Group of the volumes of a TrainJob's nodes; Kubeflow Pipelines has no place for that of a task.
        data: Checking out, deriving labels, validating, features.
        train: Pretraining, fine-tuning and studies.
        inference: Index and evaluation.
        light: Gate, registration, packaging and its proof, promotion, report; and what watches a TrainJob.
        trainjob: Trains in TrainJobs of Kubeflow Trainer, which may have several nodes, each with the resources of
            `train`; null trains in the task itself.
    """

    workspace_claim: str = "vitrail-workspace"
    workspace_mount: str = "/vitrail"
    image_prefix: str = ""
    image_pull_secrets: tuple[str, ...] = ()
    secret_variables: tuple[SecretVariable, ...] = ()
    run_as_user: int = 10001
    run_as_group: int = 10001
    fs_group: int = 10001
    data: Resources = field(default_factory=Resources)
    train: Resources = field(
        default_factory=lambda: Resources(shared_memory="2Gi", timeout_s=7 * 24 * 3600, retries=Retries(num=3))
    )
    inference: Resources = field(default_factory=lambda: Resources(shared_memory="2Gi"))
    light: Resources = field(
        default_factory=lambda: Resources(
            cpu_request="500m", cpu_limit="2", memory_request="2Gi", memory_limit="4Gi", timeout_s=2 * 3600
        )
    )
    trainjob: TrainJobConfig | None = None

    def __post_init__(self) -> None:
        is_prefix = not self.image_prefix or bool(_IMAGE_PREFIX.fullmatch(self.image_prefix))
        require(is_prefix, "image_prefix", self.image_prefix, "give a registry's host and path, as in host:5000/team")
        for name in ("run_as_user", "run_as_group", "fs_group"):
            value = getattr(self, name)
            require(value > 0, name, value, "give a number above 0: root is refused")
        variables = [item.variable for item in self.secret_variables]
        is_distinct = len(set(variables)) == len(variables)
        require(is_distinct, "secret_variables", variables, "name each variable once")

    def of_watcher(self, trainjob: TrainJobConfig) -> Resources:
        """What a task asks for that only submits TrainJobs and watches them: little, for as long as they may take."""
        timeout_s = math.ceil(trainjob.timeout_s * (trainjob.max_resubmissions + 1)) + _MARGIN_S
        return replace(self.light, retries=self.train.retries, timeout_s=timeout_s)


def _cores(text: str) -> float:
    return float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)


def _bytes(text: str) -> int:
    number, unit = re.match(r"(\d+)(\w*)", text).groups()  # type: ignore[union-attr]
    power = "KMGTPE".index(unit[0]) + 1 if unit else 0
    return int(number) * (1024 if unit.endswith("i") else 1000) ** power


def _require_no_more(name: str, value: float, limit_name: str, limit: float) -> None:
    require(value <= limit, name, f"{value:g}", f"must not be above {limit_name}, which is {limit:g}")
