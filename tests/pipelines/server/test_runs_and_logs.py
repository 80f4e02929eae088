"""`vitrail runs` and `vitrail logs` against a stand-in."""

import pytest

from builders.pipeline_servers import Answer, StandIn, ended_run, serving, started_runs
from pipelines.__main__ import main
from pipelines.server.tasks import pods_of_step

STATES = {"checkout_corpus": "SUCCEEDED", "derive_labels": "FAILED", "validate_data": "PENDING"}


@pytest.fixture
def server():
    with serving(StandIn()) as running:
        yield running


def call(capsys, server, command, *arguments):
    """The exit status, or the message in its place, and what is printed."""
    code = 0
    try:
        main([command, *arguments, "--host", server.host])
    except SystemExit as ended:
        code = ended.code
    return code, capsys.readouterr().out


def test_runs_are_listed_over_all_pages_the_last_first(capsys, server):
    assert call(capsys, server, "runs") == (0, "")
    started_runs(server, 7)
    server.page_size = 3
    status, out = call(capsys, server, "runs")
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert [line[-1] for line in lines] == [f"nightly-{number}" for number in reversed(range(7))]
    assert lines[0][1:4] == ["2026-11-28", "09:00", "succeeded"]
    assert [line[0] for line in lines] == [run.run_id for run in reversed(server.runs)]
    assert sum("page_token" in path for _, path, _ in server.asked) == 3


def test_a_page_that_fails_is_an_error_after_the_runs_before_it(capsys, server):
    started_runs(server, 7)
    server.page_size = 3
    server.faults["GET /apis/v2beta1/runs?experiment_id=e0&page_token=3"] = Answer.error(500, "no database")
    status, out = call(capsys, server, "runs")
    assert "failed (500: no database)" in status
    assert len(out.splitlines()) == 3


def test_logs_of_one_step_and_of_all(capsys, server):
    started_runs(server, 1)
    run_id = server.runs[0].run_id
    server.looks = [ended_run("FAILED", STATES)]
    server.logs = {"impl-00003": "one\nzwei \u00e4", "impl-00013": "no text\n", "driver-00021": "waiting\n"}
    status, out = call(capsys, server, "logs", run_id, "derive_labels")
    assert (status, out) == (0, "--- derive_labels (vitrail-x7k2p-system-container-impl-00013)\nno text\n")
    status, out = call(capsys, server, "logs", run_id)
    assert status == 0
    heads = [line.split()[1] for line in out.splitlines() if line.startswith("---")]
    assert heads == list(STATES)
    assert "zwei \u00e4\n--- derive_labels" in out
    assert out.endswith("(vitrail-x7k2p-system-container-driver-00021)\nwaiting\n")  # it never came to run


def test_logs_behind_the_server_of_the_web_page(capsys, server):
    """It passes requests on to the API, and answers those for logs itself."""
    started_runs(server, 1)
    server.looks = [ended_run("FAILED", STATES)]
    server.logs = {"impl-00003": "one\n"}
    server.serves_api_logs = False
    status, out = call(capsys, server, "logs", server.runs[0].run_id, "checkout_corpus", "--namespace", "team-a")
    assert status == 0
    assert out.endswith("\none\n")
    assert "podnamespace=team-a" in server.asked[-1][1]


def test_a_log_that_is_gone_says_where_the_end_of_the_step_is_known(capsys, server):
    started_runs(server, 1)
    run_id = server.runs[0].run_id
    server.looks = [ended_run("FAILED", STATES)]
    status, _ = call(capsys, server, "logs", run_id, "derive_labels")
    assert status.startswith("vitrail logs: no log of derive_labels: the pod is gone")
    assert "Failed to read logs from pod" in status
    assert status.endswith(f"{run_id}/steps/derive_labels.json in the workspace says how the step ended")


def test_a_step_without_a_pod_and_a_run_that_is_none(capsys, server):
    started_runs(server, 1)
    run_id = server.runs[0].run_id
    server.looks = [ended_run("RUNNING", STATES)]
    assert f"run {run_id} has no pod of gate_model yet" in call(capsys, server, "logs", run_id, "gate_model")[0]
    assert "knows nothing of the kind (404: Run 3f2a not found)" in call(capsys, server, "logs", "3f2a")[0]
    assert call(capsys, server, "logs", run_id, "nothing")[0] == 2


def test_every_try_of_a_step_is_a_pod():
    """A task that is tried again has a node for all its tries, and one for each below that."""
    run = ended_run("FAILED", {"derive_labels": "FAILED", "validate_data": "RUNNING"})
    _, _, executor, *_, next_executor = run.run_details.task_details
    assert pods_of_step(run, "derive_labels") == [executor.pod_name]
    assert pods_of_step(run, "validate_data") == [next_executor.pod_name]
    tries = [type(executor)(display_name=f"executor({n})", pod_name=f"w-impl-9{n}", state="FAILED") for n in (0, 1)]
    child = type(executor.child_tasks[0])
    executor.child_tasks = [child(pod_name="w-90"), child(pod_name="w-91"), *executor.child_tasks]
    run.run_details.task_details += tries
    assert pods_of_step(run, "derive_labels") == ["w-impl-90", "w-impl-91"]
