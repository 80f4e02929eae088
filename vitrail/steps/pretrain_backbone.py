"""Pretrains the trunk on the weak labels."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from vitrail import training
from vitrail.contracts.codec import write
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["pretrain_backbone", "training_job", "what_decides"]

_CHAMPION = "champion"


def pretrain_backbone(context: StepContext) -> Outcome:
    """Writes a model with one multilabel head, and its plan beside what it took; checkpoints stay until then."""
    job = training_job(context)
    manifest = context.launch(job, context.work, context.out)
    review = training.review_pretraining(context.inputs["corpus"], context.inputs["labels"], job.config, context.work)
    write(context.out, review)
    return Outcome(digest=manifest.model_id, lineage={"backbone_id": manifest.model_id})


def training_job(context: StepContext) -> training.PretrainJob:
    """What is trained; `champion` as initial weights is replaced by where that model lies, or by nothing."""
    config = context.recipe.pretrain
    if config.initial_weights == _CHAMPION:
        champion = context.champion.folder
        config = dataclasses.replace(config, initial_weights=str(champion / "model") if champion else None)
    return training.pretrain_job(
        corpus=context.inputs["corpus"], labels=context.inputs["labels"], config=config, lineage=context.lineage
    )


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section, without how and where to compute, and the champion if it is where training starts."""
    fields = training.artifact_fields(recipe.pretrain)
    if recipe.pretrain.initial_weights != _CHAMPION:
        return fields
    return fields | {"initial_weights": champion.version.model_id if champion.version else None}
