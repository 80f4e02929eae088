"""Checks signals, labels, joins and images; a failed critical expectation stops the run."""

from pathlib import Path

from vitrail import validation
from vitrail.contracts.files import digest_json
from vitrail.steps.champion import fetch_champion
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def validate_data(context: StepContext) -> Outcome:
    """Writes results, profile and Data Docs; drift is measured against the data the champion was made of."""
    report = validation.validate_data(
        context.inputs["corpus"],
        context.inputs["labels"],
        context.out,
        context.recipe.validation,
        baseline=_champion_validation(context),
    )
    # What passed, not what it was compared with: a new champion is no reason to pretrain again.
    passed = digest_json([report.corpus_digest, report.labels_digest, report.config_digest])
    return Outcome(digest=passed, lineage={"validation_id": report.validation_id})


def _champion_validation(context: StepContext) -> Path | None:
    champion = fetch_champion(context)
    return champion / "validation" if champion else None


STEP = Step(
    name="validate_data",
    function=validate_data,
    inputs=("corpus", "labels"),
    config=lambda recipe: None,
    is_reusable=False,
)
