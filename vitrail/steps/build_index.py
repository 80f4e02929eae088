"""Embeds the gallery and writes the index bound to the model."""

from vitrail import evaluation
from vitrail.contracts.codec import encode
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def build_index(context: StepContext) -> Outcome:
    """Writes the nearest-neighbour index."""
    manifest = evaluation.build_index(
        corpus=context.inputs["corpus"],
        model=context.inputs["model"],
        out=context.out,
        config=context.recipe.index,
    )
    return Outcome(digest=manifest.digest, lineage={"index_digest": manifest.digest})


STEP = Step(
    name="build_index",
    function=build_index,
    inputs=("corpus", "model"),
    config=lambda recipe: encode(recipe.index),
)
