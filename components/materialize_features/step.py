"""Joins Feast to the pipeline: text-derived features, offline and online."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.materialize_features.store import materialize
from vitrail.labels import build_text_features
from vitrail.steps import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["materialize_features", "what_decides"]


def materialize_features(context: StepContext) -> Outcome:
    """Computes the text features and writes the feature snapshot."""
    corpus, text = context.inputs["corpus"], context.work / "text"
    build_text_features(corpus, context.inputs["labels"], text)
    digest = materialize(text, corpus, context.out)
    return Outcome(digest=digest, lineage={"features_digest": digest})


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """Nothing of the recipe: the labels are an input."""
    return None
