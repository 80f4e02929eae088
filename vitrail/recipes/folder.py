"""For a folder of your own pictures with metadata: a few hundred are enough to try.

Command: `make run CORPUS=path/to/folder`. Two CPU cores, minutes.
Serve it with `vitrail serve --model vitrail-folder`.
"""

import dataclasses

from vitrail.recipes.any_corpus import gates_of_every_task
from vitrail.recipes.base import base_recipe
from vitrail.recipes.recipe import Recipe
from vitrail.training import ScheduleConfig

__all__ = ["folder"]


def folder() -> Recipe:
    """A small folder of your own pictures, whatever its tasks."""
    base = base_recipe(
        name="folder", registered="vitrail-folder", gates=gates_of_every_task(binary_ratio=0.5, margin=0.1)
    )
    return dataclasses.replace(
        base,
        pretrain=dataclasses.replace(
            base.pretrain, schedule=ScheduleConfig(num_steps=150, batch_size=64, warmup_steps=15)
        ),
        finetune=dataclasses.replace(
            base.finetune, schedule=ScheduleConfig(num_steps=150, batch_size=64, warmup_steps=15), frozen_steps=10
        ),
    )
