"""Measures the model, and the champion if there is one, on the test split of the same corpus."""

from vitrail import evaluation
from vitrail.contracts.codec import read, write
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import ModelManifest
from vitrail.contracts.registry import ComparedChampion
from vitrail.registry import fetch_version, find_champion
from vitrail.steps.context import Outcome, Step, StepContext

__all__ = ["STEP"]


def evaluate_model(context: StepContext) -> Outcome:
    """Writes `challenger/` and, when the registry has a champion, `champion/` measured on the same images."""
    champion = find_champion(context.recipe.registry)
    models = {"challenger": context.inputs["model"]}
    if champion:
        models["champion"] = fetch_version(champion, context.workspace / "versions") / "model"
    for name, model in models.items():
        evaluation.evaluate_model(
            corpus=context.inputs["corpus"],
            model=model,
            features=context.inputs["features"],
            out=context.out / name,
            config=context.recipe.evaluation,
        )
    write(context.out, ComparedChampion(reference=champion.reference if champion else None))
    ids = {name: read(ModelManifest, model).model_id for name, model in models.items()}
    return Outcome(digest=digest_json(ids | {"config": context.recipe.evaluation.digest}), lineage={})


STEP = Step(
    name="evaluate_model",
    function=evaluate_model,
    inputs=("corpus", "model", "features"),
    config=lambda recipe: None,
    is_reusable=False,
)
