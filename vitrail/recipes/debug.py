"""Seconds instead of minutes: every step for real on a very small model. For tests.

Command: `make run CORPUS=emoji-mini`.
"""

import dataclasses

from vitrail.contracts.models import Architecture, Transforms
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.base import base_recipe
from vitrail.recipes.recipe import Recipe
from vitrail.training import ScheduleConfig

__all__ = ["debug"]


def debug() -> Recipe:
    """A tiny model on a tiny corpus, with thresholds that any model passes."""
    base = base_recipe(
        name="debug",
        registered="vitrail-debug",
        gates=GateConfig(
            values=(
                ValueThreshold(metric="concept/float/p_at_1", limit=0.0),
                ValueThreshold(metric="skin_tone/recall_gap", limit=1.0, direction="max"),
            ),
            changes=(
                ChangeThreshold(metric="concept/float/p_at_1", margin=1.0),
                ChangeThreshold(metric="skin_tone/accuracy", margin=1.0),
                ChangeThreshold(metric="category/accuracy", margin=1.0),
            ),
            min_groups=2,
        ),
    )
    schedule = ScheduleConfig(num_steps=6, batch_size=16, warmup_steps=1)
    options = {"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
    return dataclasses.replace(
        base,
        pretrain=dataclasses.replace(
            base.pretrain,
            architecture=Architecture(name="vit_tiny_patch16_224", options=options),
            transforms=Transforms(image_size=32),
            schedule=schedule,
            log_every_steps=2,
        ),
        finetune=dataclasses.replace(
            base.finetune, schedule=schedule, embedding_dim=64, frozen_steps=0, log_every_steps=2
        ),
    )
