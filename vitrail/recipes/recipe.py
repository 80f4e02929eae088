"""A recipe: the whole configuration of a run, one section a step."""

from dataclasses import dataclass, field, replace

from vitrail.config import Config
from vitrail.evaluation import EvaluationConfig, IndexConfig
from vitrail.gates import GateConfig
from vitrail.labels import LabelsConfig
from vitrail.packaging import EndpointConfig
from vitrail.recipes.cluster import ClusterConfig
from vitrail.registry import RegistryConfig
from vitrail.training import FinetuneConfig, PretrainConfig
from vitrail.validation import ValidationConfig

__all__ = ["Recipe"]


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
