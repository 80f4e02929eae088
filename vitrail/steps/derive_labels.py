"""Derives weak labels for the corpus's images from the text around them."""

from vitrail import labels
from vitrail.contracts.codec import encode
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def derive_labels(context: StepContext) -> Outcome:
    """Writes the label set."""
    manifest = labels.derive_labels(context.inputs["corpus"], context.out, context.recipe.labels)
    return Outcome(digest=manifest.digest, lineage={"labels_digest": manifest.digest})


STEP = Step(
    name="derive_labels",
    function=derive_labels,
    inputs=("corpus",),
    config=lambda recipe: encode(recipe.labels),
)
