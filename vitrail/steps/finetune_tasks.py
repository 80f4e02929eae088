"""Fine-tunes the trunk on every task of the corpus at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail import training
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["finetune_tasks", "training_job", "what_decides"]


def finetune_tasks(context: StepContext) -> Outcome:
    """Writes the model: one trunk, a head per task and one retrieval embedding."""
    manifest = context.launch(training_job(context), context.work, context.out)
    return Outcome(digest=manifest.model_id, lineage={"model_id": manifest.model_id})


def training_job(context: StepContext) -> training.FinetuneJob:
    """What is trained."""
    return training.finetune_job(
        corpus=context.inputs["corpus"],
        labels=context.inputs["labels"],
        features=context.inputs["features"],
        backbone=context.inputs["backbone"],
        config=context.recipe.finetune,
        lineage=context.lineage,
    )


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section, without how and where to compute."""
    return training.artifact_fields(recipe.finetune)
