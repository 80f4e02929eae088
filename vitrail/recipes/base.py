"""What the recipes for two CPU cores share: trunk, what it may cost, trainings and everything that is not said.

No other gates, no corpus.

The trunk is LeViT-128S, a Vision Transformer with a convolutional stem: at equal cost it retrieved better on the
validation split of the emoji corpus than plain ViTs of this size (docs/LOG.md).
"""

import dataclasses

from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.gates import CostLimits, GateConfig
from vitrail.recipes.recipe import Recipe
from vitrail.registry import RegistryConfig
from vitrail.training import FinetuneConfig, OptimizerConfig, PretrainConfig, ScheduleConfig

__all__ = ["base_recipe"]

# Trunk and heads have some 10 million parameters and answer in about 10 ms; a busy machine takes several times as long.
_COSTS = CostLimits(num_parameters=30_000_000, latency_ms=250.0)


def base_recipe(*, name: str, registered: str, gates: GateConfig) -> Recipe:
    """A small model in about four minutes of training.

    Args:
        name: Of the recipe.
        registered: Name of the registered model; no two recipes compete for one champion.
        gates: The thresholds, which are the recipe's own but for the costs.
    """
    return Recipe(
        name=name,
        pretrain=PretrainConfig(
            architecture=Architecture(name="levit_128s"),
            transforms=Transforms(image_size=64),
            schedule=ScheduleConfig(num_steps=350, batch_size=128, warmup_steps=35),
            optimizer=OptimizerConfig(learning_rate=2e-3, weight_decay=0.05),
            augmentation=LIGHT,
        ),
        finetune=FinetuneConfig(
            schedule=ScheduleConfig(num_steps=450, batch_size=128, warmup_steps=45),
            optimizer=OptimizerConfig(learning_rate=2e-3, weight_decay=0.05),
            augmentation=LIGHT,
            embedding_dim=512,
            frozen_steps=20,
        ),
        gates=dataclasses.replace(gates, costs=_COSTS),
        registry=RegistryConfig(name=registered),
        study="docs/study",
    )
