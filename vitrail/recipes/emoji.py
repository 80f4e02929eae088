"""The default: drawings of some 4,000 concepts in two styles, with names in a dozen languages.

Command: `make run`. Two CPU cores, about four minutes of training.
"""

from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold
from vitrail.recipes.base import base_recipe
from vitrail.recipes.recipe import Recipe

__all__ = ["emoji"]


def emoji() -> Recipe:
    """Emoji in two styles: skin tone, category, and retrieval across styles."""
    return base_recipe(
        name="emoji",
        registered="vitrail",
        gates=GateConfig(
            values=(
                ValueThreshold(metric="concept/float/p_at_1", limit=0.05),
                ValueThreshold(metric="concept/binary_ratio", limit=0.85),
                ValueThreshold(metric="skin_tone/recall_gap", limit=0.6, direction="max"),
                ValueThreshold(metric="skin_tone/macro_recall", limit=0.5),
                ValueThreshold(metric="category/lift", limit=1.0),
            ),
            changes=(
                ChangeThreshold(metric="concept/float/p_at_1", margin=0.02),
                ChangeThreshold(metric="skin_tone/macro_recall", margin=0.05),
                ChangeThreshold(metric="category/accuracy", margin=0.03),
            ),
        ),
    )
