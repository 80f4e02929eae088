"""Fine-tunes the trunk on every task of the corpus at once."""

from vitrail import training
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.curves import logged_curves
from vitrail.steps.launch import choose_launch, training_key

__all__ = ["STEP"]


def finetune_tasks(context: StepContext) -> Outcome:
    """Writes the model: one trunk, a head per task and one retrieval embedding."""
    with logged_curves(context):
        manifest = training.finetune_tasks(
            corpus=context.inputs["corpus"],
            labels=context.inputs["labels"],
            features=context.inputs["features"],
            backbone=context.inputs["backbone"],
            out=context.out,
            work=context.work,
            config=context.recipe.finetune,
            lineage=context.lineage,
            launch=choose_launch(context),
        )
    return Outcome(digest=manifest.model_id, lineage={"model_id": manifest.model_id})


STEP = Step(
    name="finetune_tasks",
    function=finetune_tasks,
    inputs=("corpus", "labels", "features", "backbone"),
    config=lambda recipe: training_key(recipe.finetune),
)
