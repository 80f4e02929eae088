"""What a step runs is what its key hangs on: every module whose code is executed is among those found in the text.

Left out are Feast and Great Expectations, for their time alone.
"""

import json
import subprocess
import sys

import pytest

from builders import REPOSITORY
from builders.training_jobs import write_features
from vitrail.corpus import open_corpus
from vitrail.source_code import find_source
from vitrail.steps import STEPS

# Runs the bodies of steps with everything they are handed, and prints which files of ours were executed in each.
TRACE = """
import dataclasses, importlib, json, os, pathlib, sys, threading
from types import SimpleNamespace

sys.path.insert(0, "tests")
from builders.training_jobs import finetune_config, pretrain_config, worker_environment
from vitrail.contracts.codec import save
from vitrail.contracts.lineage import Lineage
from vitrail.models import load_manifest
from vitrail.recipes import find_recipe
from vitrail.steps import STEPS, StepContext
from vitrail.training.job import JOB_FILE
from vitrail.training.local_launch import collect_result

root, inputs = pathlib.Path(sys.argv[1]), {name: pathlib.Path(place) for name, place in json.loads(sys.argv[2]).items()}
ours = tuple(str(pathlib.Path.cwd() / package) for package in ("vitrail", "components", "features", "serving"))
debug = find_recipe("debug")
recipe = dataclasses.replace(
    debug,
    pretrain=pretrain_config(),
    finetune=finetune_config(),
    labels=dataclasses.replace(debug.labels, clustering="none"),
)
def watch(function):
    executed = set()  # of this call: threads that an earlier one left go on in theirs

    def note(frame, event, argument):
        executed.add(frame.f_code.co_filename)

    threading.settrace(note)
    sys.settrace(note)
    try:
        function()
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return sorted(file for file in executed if file.startswith(ours))

def launch(job, work, out):
    work.mkdir(parents=True)
    save(work / JOB_FILE, job)
    os.environ |= worker_environment(0, 1)
    importlib.import_module("vitrail.training.worker").main([str(work / JOB_FILE)])
    return collect_result(work, out, "ended")

for name in ("derive_labels", "pretrain_backbone", "finetune_tasks", "build_index", "evaluate_model"):
    step = STEPS[name]
    context = StepContext(
        recipe=recipe,
        champion=SimpleNamespace(version=None, folder=None),
        inputs={key: inputs[key] for key in step.inputs},
        arguments={},
        out=root / name / "out",
        work=root / name / "work",
        workspace=root,
        run_folder=root,
        lineage=Lineage(run_id="run-1"),
        launch=launch,
    )
    (root / name).mkdir()
    module = step.module

    def run():
        body = importlib.import_module(module)
        body.what_decides(recipe, context.champion)
        getattr(body, name)(context)

    print(json.dumps([name, watch(run)]), flush=True)
    inputs[step.makes] = context.out
"""


@pytest.fixture(scope="module")
def executed(mini_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced")
    features = write_features(folder / "features", open_corpus(mini_corpus), [0, 1])
    inputs = json.dumps({"corpus": str(mini_corpus), "features": str(features), "validation": str(folder)})
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRACE, str(folder), inputs],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith('["'))


@pytest.mark.parametrize(
    ("step", "at_least"),
    [
        ("derive_labels", 20),
        ("pretrain_backbone", 30),
        ("finetune_tasks", 30),
        ("build_index", 15),
        ("evaluate_model", 20),
    ],
)
def test_a_step_executes_nothing_that_its_key_does_not_hang_on(executed, step, at_least):
    found = {str(path) for path in find_source(STEPS[step].module).values()}
    assert len(executed[step]) >= at_least
    assert set(executed[step]) - found == set()
