"""Embeds the gallery and writes the index bound to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail import evaluation
from vitrail.contracts.codec import encode
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["build_index", "what_decides"]


def build_index(context: StepContext) -> Outcome:
    """Writes the nearest-neighbour index."""
    manifest = evaluation.build_index(
        corpus=context.inputs["corpus"],
        model=context.inputs["model"],
        out=context.out,
        config=context.recipe.index,
    )
    return Outcome(digest=manifest.digest, lineage={"index_digest": manifest.digest})


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section."""
    return encode(recipe.index)
