"""Trains and measures the arms of a study, and says how they compare."""

from pathlib import Path

from vitrail import study
from vitrail.contracts.codec import encode
from vitrail.contracts.files import digest_json
from vitrail.steps.context import Outcome, StepContext
from vitrail.steps.gather_materials import study_of

__all__ = ["run_study"]


def run_study(context: StepContext) -> Outcome:
    """Writes page, plots and result; trainings stay in the workspace, so that the next run of the budget goes on."""
    trainings = context.workspace / "study" / Path(context.arguments["budget"]).stem
    report = study.run_study(study_of(context), out=trainings, workspace=context.workspace)
    study.write_page(report, context.out / "study.md")
    return Outcome(digest=digest_json(encode(report)), lineage={})
