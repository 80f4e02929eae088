"""A run or a study on this machine, and what is said of how it ended."""

import sys
from pathlib import Path

from pipelines.local_tasks import run_tasks
from pipelines.study_pipeline import make_study_pipeline
from pipelines.summary_lines import describe_summary
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.contracts.codec import read
from vitrail.contracts.runs import REPORT_FILE, RunSummary
from vitrail.recipes import Recipe
from vitrail.steps import Workspace, new_run_id

__all__ = ["run_locally", "run_study_locally"]


def run_locally(recipe: Recipe, arguments: dict[str, str]) -> int:
    """Runs every task on this machine and returns the exit status of its own run."""
    workspace = _begin(recipe, arguments["workspace"])
    run = workspace.run_folder
    log = run_tasks(make_pipeline(recipe, run.name), workspace, arguments)
    if not (run / RunSummary.FILE).exists():
        sys.stderr.write(f"the run ended before its report; see {log}\n")
        return 1
    return _describe(run, log)


def run_study_locally(recipe: Recipe, budget: str, workspace_root: str) -> int:
    """Runs the tasks of a study on this machine, prints where its page is and returns the exit status."""
    workspace = _begin(recipe, workspace_root)
    run = workspace.run_folder
    arguments = {"budget": budget, "workspace": workspace_root}
    log = run_tasks(make_study_pipeline(recipe, budget, run.name), workspace, arguments)
    failed = next((record for record in workspace.records() if record.status != "succeeded"), None)
    page = run / "study" / "study.md"
    if failed or not page.exists():
        reason = f"at {failed.step}: {failed.error}" if failed else "before its page"
        sys.stderr.write(f"the study ended {reason}; see {log}\n")
        return 1
    sys.stdout.write(f"\npage      {page}\n")
    return 0


def _begin(recipe: Recipe, root: str) -> Workspace:
    workspace = Workspace(Path(root), new_run_id())
    workspace.begin(recipe)
    sys.stdout.write(f"run {workspace.run_id}, recipe {recipe.name}\n")
    return workspace


def _describe(run: Path, log: Path) -> int:
    """Prints how the run ended; 0 when every step succeeded, whatever the verdict."""
    summary = read(RunSummary, run)
    is_failed = summary.status != "succeeded"
    lines = describe_summary(summary) | {"report": str(run / REPORT_FILE)} | ({"log": str(log)} if is_failed else {})
    sys.stdout.write("\n" + "".join(f"{name:<10}{value}\n" for name, value in lines.items()))
    return int(is_failed)
