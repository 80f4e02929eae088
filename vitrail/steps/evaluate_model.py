"""Measures the model, and the champion if there is one, on the test split of the same corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vitrail import evaluation
from vitrail.contracts.codec import encode, write
from vitrail.contracts.evaluation import OUTCOMES_FILE
from vitrail.contracts.files import digest_file, digest_json
from vitrail.contracts.registry import ComparedChampion
from vitrail.steps.context import Outcome, StepContext

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion

__all__ = ["evaluate_model", "what_decides"]


def evaluate_model(context: StepContext) -> Outcome:
    """Writes `challenger/` and, when the registry has a champion, `champion/` measured on the same images."""
    models = {"challenger": context.inputs["model"]}
    if context.champion.folder:
        models["champion"] = context.champion.folder / "model"
    measured = {}
    for name, model in models.items():
        report = evaluation.evaluate_model(
            corpus=context.inputs["corpus"],
            model=model,
            features=context.inputs["features"],
            out=context.out / name,
            config=context.recipe.evaluation,
        )
        measured[name] = [encode(report), digest_file(context.out / name / OUTCOMES_FILE)]  # all that a gate reads
    version = context.champion.version
    compared = ComparedChampion(reference=version.reference if version else None)
    write(context.out, compared)
    return Outcome(digest=digest_json([measured, encode(compared)]), lineage={})


def what_decides(recipe: Recipe, champion: Champion) -> Any:
    """The recipe's section, and the champion that is measured too."""
    version = champion.version
    return {
        "evaluation": encode(recipe.evaluation),
        "champion": [version.reference, version.artifacts_digest] if version else None,
    }
