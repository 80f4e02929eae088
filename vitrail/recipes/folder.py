"""For a folder of your own pictures with metadata: a few hundred are enough to try.

Command: `make run CORPUS=path/to/folder RECIPE=folder`. Two CPU cores, minutes.
Serve it with `vitrail serve --model vitrail-folder`.
"""

import dataclasses

from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.emoji import emoji
from vitrail.recipes.recipe import Recipe
from vitrail.registry import RegistryConfig
from vitrail.training import ScheduleConfig

__all__ = ["folder"]


def folder() -> Recipe:
    """A small folder of your own pictures with a `label` column."""
    base = emoji()
    return dataclasses.replace(
        base,
        name="folder",
        registry=RegistryConfig(name="vitrail-folder"),
        labels=dataclasses.replace(base.labels, min_term_images=2, min_images=3),
        pretrain=dataclasses.replace(
            base.pretrain, schedule=ScheduleConfig(num_steps=150, batch_size=64, warmup_steps=15)
        ),
        finetune=dataclasses.replace(
            base.finetune, schedule=ScheduleConfig(num_steps=150, batch_size=64, warmup_steps=15), frozen_steps=10
        ),
        gates=GateConfig(
            values=(ValueThreshold(metric="label/lift", limit=1.0),),
            changes=(ChangeThreshold(metric="label/accuracy", margin=0.1),),
        ),
    )
