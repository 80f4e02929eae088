"""Pretrains the trunk on the weak labels."""

import dataclasses
from typing import Any

from vitrail import training
from vitrail.contracts.codec import write
from vitrail.recipes import Recipe
from vitrail.registry import find_champion
from vitrail.steps.champion import fetch_champion
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.curves import logged_curves
from vitrail.steps.launch import choose_launch, training_key

__all__ = ["STEP"]

_CHAMPION = "champion"


def pretrain_backbone(context: StepContext) -> Outcome:
    """Writes a model with one multilabel head, and its plan beside what it took; checkpoints stay until then."""
    config = _with_champion(context)
    with logged_curves(context):
        manifest = training.pretrain_backbone(
            corpus=context.inputs["corpus"],
            labels=context.inputs["labels"],
            out=context.out,
            work=context.work,
            config=config,
            lineage=context.lineage,
            launch=choose_launch(context),
        )
    review = training.review_pretraining(context.inputs["corpus"], context.inputs["labels"], config, context.work)
    write(context.out, review)
    return Outcome(digest=manifest.model_id, lineage={"backbone_id": manifest.model_id})


def _with_champion(context: StepContext) -> training.PretrainConfig:
    """The recipe's section, `champion` replaced by where that model lies, or by nothing when there is none."""
    config = context.recipe.pretrain
    if config.initial_weights != _CHAMPION:
        return config
    champion = fetch_champion(context)
    return dataclasses.replace(config, initial_weights=str(champion / "model") if champion else None)


def _what_decides(recipe: Recipe) -> Any:
    config = training_key(recipe.pretrain)
    if recipe.pretrain.initial_weights != _CHAMPION:
        return config
    champion = find_champion(recipe.registry)
    return config | {"initial_weights": champion.model_id if champion else None}


STEP = Step(
    name="pretrain_backbone",
    function=pretrain_backbone,
    inputs=("corpus", "labels", "validation"),
    config=_what_decides,
)
