"""Pretrains the trunk on the weak labels."""

from vitrail import training
from vitrail.contracts.codec import save
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.launch import choose_launch, training_key

__all__ = ["STEP"]


def pretrain_backbone(context: StepContext) -> Outcome:
    """Writes a model with one multilabel head, and its plan beside what it took; checkpoints stay until then."""
    manifest = training.pretrain_backbone(
        corpus=context.inputs["corpus"],
        labels=context.inputs["labels"],
        out=context.out,
        work=context.work,
        config=context.recipe.pretrain,
        lineage=context.lineage,
        launch=choose_launch(context),
    )
    review = training.review_pretraining(
        context.inputs["corpus"], context.inputs["labels"], context.recipe.pretrain, context.work
    )
    save(context.out / training.REVIEW_FILE, review)
    return Outcome(digest=manifest.model_id, lineage={"backbone_id": manifest.model_id})


STEP = Step(
    name="pretrain_backbone",
    function=pretrain_backbone,
    inputs=("corpus", "labels", "validation"),
    config=lambda recipe: training_key(recipe.pretrain),
)
