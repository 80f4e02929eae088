"""Writes the run's summary and its one-page report, also after a failure."""

import shutil

from vitrail.contracts.codec import read_optional, write
from vitrail.contracts.files import digest_file
from vitrail.contracts.runs import REPORT_FILE
from vitrail.contracts.verdict import Verdict
from vitrail.reporting import publish_report as publish
from vitrail.steps.context import Outcome, StepContext
from vitrail.steps.summary import summarise_run
from vitrail.steps.table import find_step, step_names
from vitrail.steps.workspace import Workspace

__all__ = ["publish_report"]


def publish_report(context: StepContext) -> Outcome:
    """Writes `summary.json`, the verdict and `report.html` into the run folder; summary and report are the artifact."""
    run = context.run_folder
    if verdict := read_optional(Verdict, run / find_step("gate_model").makes):
        write(run, verdict)
    summary = summarise_run(Workspace(context.workspace, run.name))
    write(run, summary)
    publish(run, run / REPORT_FILE, step_names("always", "blessed"))
    context.out.mkdir()
    write(context.out, summary)
    shutil.copyfile(run / REPORT_FILE, context.out / REPORT_FILE)
    return Outcome(digest=digest_file(run / REPORT_FILE), lineage={})
