"""A step is added with two files: its row in the table, and the module of its body."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builders.repository_copy import copy_packages
from vitrail.contracts.codec import encode
from vitrail.contracts.runs import ArtifactManifest

ROW = """
    Step(
        name="count_images",
        summary="Counts the pictures.",
        inputs=("corpus",),
        makes="number",
        image="data",
    ),
    Step(
        name="derive_labels","""

BODY = """
from vitrail.contracts.files import write_json
from vitrail.corpus import open_corpus
from vitrail.steps import Outcome


def count_images(context):
    number = open_corpus(context.inputs["corpus"]).manifest.num_images
    write_json(context.out / "number.json", number)
    return Outcome(digest=str(number), lineage={})


def what_decides(recipe, champion):
    return None
"""

TASK = """
import json, sys
from types import SimpleNamespace
from components.lightweight import make_component
from vitrail.steps import STEPS

given = json.loads(sys.argv[1])
artifacts = {name: SimpleNamespace(path=given.pop(name)) for name in ("corpus", "number")}
print(make_component(STEPS["count_images"]).python_func(**given, **artifacts))
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """Calls Python in a copy of the repository that has one more step."""
    folder = tmp_path_factory.mktemp("repository")
    copy_packages(folder)
    table = folder / "vitrail" / "steps" / "table.py"
    table.write_text(table.read_text().replace('\n    Step(\n        name="derive_labels",', ROW, 1))
    (folder / "vitrail" / "steps" / "count_images.py").write_text(BODY)

    def run(*arguments):
        done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_is_compiled_by_the_command_of_kubeflow(call, tmp_path):
    out = tmp_path / "graph.yaml"
    kfp = str(Path(sys.executable).with_name("kfp"))
    call(kfp, "dsl", "compile", "--py", "pipelines/vitrail_pipeline.py", "--output", str(out))
    spec = next(yaml.load_all(out.read_text(), yaml.CSafeLoader))
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    assert tasks["count-images"]["dependentTasks"] == ["checkout-corpus"]
    command = spec["deploymentSpec"]["executors"]["exec-count-images"]["container"]["command"]
    assert 'run_task("count_images", given)' in command[-1]


def test_its_component_runs_it_and_a_later_run_reuses_the_artifact(call, mini_corpus, tmp_path):
    corpus = ArtifactManifest(step="checkout_corpus", artifact=str(mini_corpus), digest="c", value="", lineage={})
    (tmp_path / "corpus.json").write_text(json.dumps(encode(corpus)))
    workspace = tmp_path / "runs"
    for run_id in ("run-1", "run-2"):
        given = {
            "workspace": str(workspace),
            "run_id": run_id,
            "recipe": "{}",  # it takes no section
            "corpus": str(tmp_path / "corpus.json"),
            "number": str(tmp_path / "number.json"),
        }
        number = int(call("-c", TASK, json.dumps(given)))
        artifact = workspace / run_id / "number"
        assert json.loads((artifact / "number.json").read_text()) == number > 0
        record = json.loads((workspace / run_id / "steps" / "count_images.json").read_text())
        assert record["is_reused"] == (run_id == "run-2")


def test_it_can_be_taken_by_hand(call):
    assert "count_images" in call("-m", "components", "--help")
