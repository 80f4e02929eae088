"""A recipe: the whole configuration of a run, one section a step."""

import re
from dataclasses import dataclass, field, replace

from vitrail.config import Config, require
from vitrail.evaluation import EvaluationConfig, IndexConfig
from vitrail.gates import GateConfig
from vitrail.labels import LabelsConfig
from vitrail.packaging import EndpointConfig
from vitrail.registry import RegistryConfig
from vitrail.training import FinetuneConfig, PretrainConfig, TrainJobConfig
from vitrail.validation import ValidationConfig

__all__ = ["ClusterConfig", "Recipe"]

_IMAGE_PREFIX = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*")


@dataclass(frozen=True, kw_only=True)
class ClusterConfig(Config):
    """What a task asks of Kubernetes; a local run passes over it.

    Attributes:
        workspace_claim: PersistentVolumeClaim (ReadWriteMany) that all tasks share.
        workspace_mount: Where it is mounted.
        image_prefix: Registry and path that images are pulled from, before `vitrail/python-train`; without one a
            node would look in a public registry.
        cpu: Request of every task, in Kubernetes units.
        memory: Request and limit of every task.
        accelerators: GPUs of training and inference tasks, which use all of them.
        accelerator_type: Resource name of one.
        trainjob: Trains in TrainJobs of Kubeflow Trainer, which may have several nodes; null trains in the task itself.
    """

    workspace_claim: str = "vitrail-workspace"
    workspace_mount: str = "/vitrail"
    image_prefix: str = ""
    cpu: str = "2"
    memory: str = "8Gi"
    accelerators: int = 0
    accelerator_type: str = "nvidia.com/gpu"
    trainjob: TrainJobConfig | None = None

    def __post_init__(self) -> None:
        is_prefix = not self.image_prefix or bool(_IMAGE_PREFIX.fullmatch(self.image_prefix))
        require(is_prefix, "image_prefix", self.image_prefix, "give a registry's host and path, as in host:5000/team")
        require(self.accelerators >= 0, "accelerators", self.accelerators, "give 0 or more")


@dataclass(frozen=True, kw_only=True)
class Recipe(Config):
    """Everything a run is told besides its data.

    Attributes:
        study: Folder of a study (`study.json`) that report and model card cite, relative to the clone that the library
            lies in; where there is none, none is cited.
    """

    name: str
    pretrain: PretrainConfig
    finetune: FinetuneConfig
    gates: GateConfig
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    index: IndexConfig = field(default_factory=IndexConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    registry: RegistryConfig = field(default_factory=RegistryConfig)
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    study: str | None = None

    def on_cluster(self) -> "Recipe":
        """As it is compiled for a cluster: tasks share nothing but the workspace, so a registry in a file is there."""
        return replace(self, registry=self.registry.inside(self.cluster.workspace_mount))
