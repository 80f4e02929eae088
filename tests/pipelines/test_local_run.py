"""What a local run says, and of which run it speaks."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from pipelines import local_run as command
from pipelines.__main__ import main
from pipelines.vitrail_pipeline import make_pipeline
from vitrail.recipes import find_recipe

RECIPE = find_recipe("debug")


def test_a_run_that_never_started_does_not_speak_for_the_one_before(tmp_path, monkeypatch, capsys):
    before = tmp_path / "before"
    before.mkdir()
    (before / "summary.json").write_text(json.dumps({"status": "succeeded"}))
    (tmp_path / "latest").symlink_to("before")

    def ending_at_once(**arguments):
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(command, "make_pipeline", lambda recipe, run_id: ending_at_once)
    assert command.run_locally(RECIPE, {"workspace": str(tmp_path)}) == 1
    said = capsys.readouterr().err
    assert "ended before its report" in said
    log = Path(said.split("; see ")[1].strip())
    assert log.parent.parent == tmp_path
    assert "no space left on device" in log.read_text()


def test_options_override_the_recipe(tmp_path):
    main(["compile", "--recipe", "debug", "--profile-steps", "3", "--out", str(tmp_path / "graph.yaml")])
    graph = next(yaml.safe_load_all((tmp_path / "graph.yaml").read_text()))
    tasks = graph["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    for name, steps in (("pretrain", 3), ("finetune", 0)):
        given = tasks[{"pretrain": "pretrain-backbone", "finetune": "finetune-tasks"}[name]]["inputs"]["parameters"]
        assert json.loads(given["recipe"]["runtimeValue"]["constant"])[name]["profile_steps"] == steps


RUN_ONE_OF_TWO = """
import sys, time
from pathlib import Path
from pipelines import local_run as command
from vitrail.contracts.codec import write
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import RegisteredModel, RunSummary
from vitrail.recipes import find_recipe

root, name, status = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def graph(recipe, run_id):
    def run(**arguments):
        (root / f"{name}.begun").touch()
        while len(list(root.glob("*.begun"))) < 2:
            time.sleep(0.01)
        write(root / run_id, RunSummary(
            run_id=run_id, status=status, failed_step="derive_labels", error=f"of {name}", corpus_digest=None,
            num_images=None, num_labels=None, seconds={}, reused=(), metrics={}, verdict=None,
            model=RegisteredModel(name=name, version="1", alias="champion"), bento=None, lineage=Lineage(run_id=run_id),
        ))
        if status == "failed":
            raise RuntimeError("a task failed")
    return run

command.make_pipeline = graph
sys.exit(command.run_locally(find_recipe("debug"), {"workspace": str(root)}))
"""


def test_two_runs_at_once_speak_for_themselves(tmp_path):
    """Neither takes the other's outcome, whichever began last."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN_ONE_OF_TWO, str(tmp_path), name, status], stdout=subprocess.PIPE, text=True
        )
        for name, status in (("one", "succeeded"), ("two", "failed"))
    ]
    (one, _), (two, _) = (run.communicate() for run in runs)
    assert [run.returncode for run in runs] == [0, 1]
    assert "one/1 (champion)" in one
    assert "failed at" not in one
    assert "failed at derive_labels: of two" in two
    assert "two/1" in two
    reports = {line.split()[1] for text in (one, two) for line in text.splitlines() if line.startswith("report")}
    assert len(reports) == 2


def test_the_graph_of_a_cluster_takes_the_id_that_the_server_gives_and_a_local_one_its_own_and_tries_once():
    for graph, expected, num_retries in (
        (make_pipeline(RECIPE), "{{$.pipeline_job_uuid}}", {2, 3}),
        (make_pipeline(RECIPE, "run-1"), "run-1", {0}),
    ):
        spec = graph.pipeline_spec
        tasks = [task for part in (spec.root, *spec.components.values()) for task in part.dag.tasks.values()]
        ids = {
            task.inputs.parameters["run_id"].runtime_value.constant.string_value
            for task in tasks
            if "run_id" in task.inputs.parameters
        }
        assert ids == {expected}
        assert {
            task.retry_policy.max_retry_count for task in tasks if "run_id" in task.inputs.parameters
        } == num_retries
