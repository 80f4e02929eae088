"""Clip art that people uploaded, with titles, keywords and descriptions as messy as they come.

Command: `make run CORPUS=openclipart`. Two CPU cores.
Serve it with `vitrail serve --model vitrail-openclipart`.
"""

from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.base import base_recipe
from vitrail.recipes.recipe import Recipe

__all__ = ["openclipart"]


def openclipart() -> Recipe:
    """Open Clip Art: category, and retrieval of pictures of one series."""
    return base_recipe(
        name="openclipart",
        registered="vitrail-openclipart",
        gates=GateConfig(
            values=(
                ValueThreshold(metric="category/lift", limit=1.5),
                ValueThreshold(metric="category/accuracy", limit=0.2),
            ),
            changes=(
                ChangeThreshold(metric="category/accuracy", margin=0.03),
                ChangeThreshold(metric="series/float/p_at_1", margin=0.03),
            ),
        ),
    )
