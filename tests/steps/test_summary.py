"""How a run ended, read from the records of its steps."""

import pytest

from vitrail.contracts.runs import StepRecord
from vitrail.recipes import find_recipe
from vitrail.steps import Workspace
from vitrail.steps.summary import summarise_run


def record(step: str, status: str) -> StepRecord:
    return StepRecord(
        step=step, status=status, started_at="", seconds=1.0, is_reused=False, artifact=None, digest=None, error=None
    )


@pytest.mark.parametrize(
    ("statuses", "status", "step", "error"),
    [
        ({}, "unfinished", "checkout_corpus", "not started"),
        ({"checkout_corpus": "running"}, "failed", "checkout_corpus", "killed"),
        ({"publish_report": "running"}, "unfinished", "checkout_corpus", "not started"),
    ],
)
def test_a_run_that_did_not_come_through_says_where(tmp_path, statuses, status, step, error):
    workspace = Workspace(tmp_path, "run-1")
    workspace.begin(find_recipe("debug"))
    for name, value in statuses.items():
        workspace.write(record(name, value))
    summary = summarise_run(workspace)
    assert (summary.status, summary.failed_step) == (status, step)
    assert error in summary.error
