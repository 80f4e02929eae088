"""Pretrains the trunk on the weak labels."""

from vitrail import training
from vitrail.contracts.codec import encode
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def pretrain_backbone(context: StepContext) -> Outcome:
    """Writes a model with one multilabel head; checkpoints stay in the step's work folder until then."""
    manifest = training.pretrain_backbone(
        corpus=context.inputs["corpus"],
        labels=context.inputs["labels"],
        out=context.out,
        work=context.work,
        config=context.recipe.pretrain,
        lineage=context.lineage,
    )
    return Outcome(digest=manifest.model_id, lineage={"backbone_id": manifest.model_id})


STEP = Step(
    name="pretrain_backbone",
    function=pretrain_backbone,
    inputs=("corpus", "labels", "validation"),
    config=lambda recipe: encode(recipe.pretrain),
)
