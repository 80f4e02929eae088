"""Icons of some 170 sets, with the names that people who look for icons type: a long tail of concepts in many styles.

Command: `make run CORPUS=icons-20k`, or `icons-60k`, or `icons`. Two CPU cores; the package of the corpora needs npm.
Serve it with `vitrail serve --model vitrail-icons`.
"""

from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.base import base_recipe
from vitrail.recipes.recipe import Recipe

__all__ = ["icons"]


def icons() -> Recipe:
    """Icons of many sets: category, and retrieval of one concept across families of sets."""
    return base_recipe(
        name="icons",
        registered="vitrail-icons",
        gates=GateConfig(
            values=(
                ValueThreshold(metric="concept/float/p_at_1", limit=0.05),
                ValueThreshold(metric="concept/binary_ratio", limit=0.85),
                ValueThreshold(metric="category/lift", limit=1.0),
            ),
            changes=(
                ChangeThreshold(metric="concept/float/p_at_1", margin=0.02),
                ChangeThreshold(metric="category/accuracy", margin=0.03),
            ),
        ),
    )
