"""Derives weak labels for the corpus's images from the text around them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail import labels
from vitrail.contracts.labels import MEMBERS_FILE
from vitrail.errors import LabelError
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["derive_labels", "what_decides"]

_log = logging.getLogger(__name__)


def derive_labels(context: StepContext) -> Outcome:
    """Writes the label set; labels that the champion was trained on keep their ids."""
    manifest = labels.derive_labels(
        context.inputs["corpus"],
        context.out,
        context.recipe.labels,
        previous=_labels_of(context.champion, context.recipe.labels.max_churn),
        work=context.work,
    )
    return Outcome(digest=manifest.digest, lineage={"labels_digest": manifest.digest})


def _labels_of(champion: Champion, max_churn: float | None) -> Path | None:
    """The champion's label set; None without one, and for one of another version, unless churn must be known.

    Nobody can derive a registered label set again. Ids are born from terms, so that most stay what they are.
    """
    folder = champion.folder
    if folder is None or not (folder / "labels" / MEMBERS_FILE).exists():  # or registered without them
        return None
    try:
        labels.open_labels(folder / "labels")
    except LabelError as error:
        if max_churn is not None:
            raise
        _log.warning("the labels do not go on from the champion's: %s", error)
        return None
    return folder / "labels"


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The ids, and so the label set, depend on the champion's labels; its other parts do not matter."""
    return {
        "labels": labels.digest_config(recipe.labels),
        "previous": champion.version.lineage.labels_digest if champion.version else None,
    }
