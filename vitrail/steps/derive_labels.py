"""Derives weak labels for the corpus's images from the text around them."""

from pathlib import Path
from typing import Any

from vitrail import labels
from vitrail.contracts.labels import MEMBERS_FILE
from vitrail.recipes import Recipe
from vitrail.registry import find_champion
from vitrail.steps.champion import fetch_champion
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def derive_labels(context: StepContext) -> Outcome:
    """Writes the label set; labels that the champion was trained on keep their ids."""
    manifest = labels.derive_labels(
        context.inputs["corpus"],
        context.out,
        context.recipe.labels,
        previous=_champion_labels(context),
        work=context.work,
    )
    return Outcome(digest=manifest.digest, lineage={"labels_digest": manifest.digest})


def _champion_labels(context: StepContext) -> Path | None:
    champion = fetch_champion(context)
    if champion is None or not (champion / "labels" / MEMBERS_FILE).exists():  # or registered without them
        return None
    return champion / "labels"


def _what_decides(recipe: Recipe) -> Any:
    """The ids, and so the label set, depend on the champion's labels; its other parts do not matter."""
    champion = find_champion(recipe.registry)
    return {
        "labels": labels.digest_config(recipe.labels),
        "previous": champion.lineage.labels_digest if champion else None,
    }


STEP = Step(name="derive_labels", function=derive_labels, inputs=("corpus",), config=_what_decides)
