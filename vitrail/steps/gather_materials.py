"""Finds or builds the corpora of a study, and derives its label sets."""

from dataclasses import replace

from vitrail import study
from vitrail.contracts.files import digest_json
from vitrail.contracts.runs import RECIPE_FILE
from vitrail.steps.context import Outcome, StepContext

__all__ = ["gather_materials", "study_of"]


def gather_materials(context: StepContext) -> Outcome:
    """Leaves corpora and label sets in the workspace, where the study finds them."""
    materials = study.gather_materials(study_of(context), (), context.workspace)
    found = {f"{key.labels}@{key.corpus}": source.manifest.digest for key, source in materials.sources.items()}
    found["target"] = materials.target.manifest.digest
    return Outcome(digest=digest_json(found), lineage={}, artifact=context.workspace / "study")


def study_of(context: StepContext) -> study.StudyConfig:
    """The study of the budget that the task is given; the recipe of the run takes the place of the budget's."""
    recipe = context.run_folder / RECIPE_FILE
    return replace(study.find_budget(context.arguments["budget"]), recipe=str(recipe))
