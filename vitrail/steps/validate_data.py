"""Checks signals, labels, joins and images; a failed critical expectation stops the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail import validation
from vitrail.contracts.codec import encode
from vitrail.contracts.files import digest_json
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["validate_data", "what_decides"]


def validate_data(context: StepContext) -> Outcome:
    """Writes results, profile and Data Docs; drift is measured against the data the champion was made of."""
    champion = context.champion.folder
    report = validation.validate_data(
        context.inputs["corpus"],
        context.inputs["labels"],
        context.out,
        context.recipe.validation,
        baseline=champion / "validation" if champion else None,
    )
    # What passed, not what it was compared with: a new champion is no reason to pretrain again.
    passed = digest_json([report.corpus_digest, report.labels_digest, report.config_digest])
    return Outcome(digest=passed, lineage={"validation_id": report.validation_id})


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section, and the champion whose data are the base line of drift."""
    return {
        "validation": encode(recipe.validation),
        "champion": champion.version.artifacts_digest if champion.version else None,
    }
