"""A study as a pipeline: its graph compiles, and a tiny one runs on this machine to its page."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from builders import REPOSITORY
from pipelines import __main__ as command
from vitrail.contracts.codec import encode, read
from vitrail.contracts.study import StudyReport
from vitrail.errors import ConfigError
from vitrail.study import StudyConfig, find_budget
from vitrail.training import ScheduleConfig

SHORT = ScheduleConfig(num_steps=2, batch_size=16)


def test_the_command_of_kubeflow_compiles_it(tmp_path):
    out = tmp_path / "study.yaml"
    kfp = Path(sys.executable).with_name("kfp")
    done = subprocess.run(
        [kfp, "dsl", "compile", "--py", "pipelines/study_pipeline.py", "--output", out],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    spec = next(yaml.safe_load_all(out.read_text()))
    assert spec["pipelineInfo"]["name"] == "vitrail-study"
    assert spec["root"]["inputDefinitions"]["parameters"]["budget"]["defaultValue"] == "half-hour"
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["run-study"]["dependentTasks"] == ["gather-materials"]
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks.values())
    outputs = spec["components"]["comp-run-study"]["outputDefinitions"]["artifacts"]
    assert {name: made["artifactType"]["schemaTitle"] for name, made in outputs.items()} == {
        "study": "system.Artifact",
        "page": "system.Markdown",
        "result": "system.Artifact",
        "gains": "system.Artifact",
        "sizes": "system.Artifact",
    }


def test_a_graph_holds_its_budget_and_the_recipe_of_it(tmp_path):
    out = tmp_path / "study.yaml"
    command.main(["compile", "--study", "night", "--image-prefix", "host:5000/team", "--out", str(out)])
    spec = next(yaml.safe_load_all(out.read_text()))
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["budget"]["defaultValue"] == "night"
    for task in spec["root"]["dag"]["tasks"].values():
        recipe = json.loads(task["inputs"]["parameters"]["recipe"]["runtimeValue"]["constant"])
        assert recipe["name"] == find_budget("night").recipe
    executors = spec["deploymentSpec"]["executors"].values()
    assert all(executor["container"]["image"].startswith("host:5000/team/") for executor in executors)


def test_an_unknown_budget_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="budget='an-hour': give one of half-hour, night, gpu-10min, or a JSON file"):
        command.main(["compile", "--study", "an-hour", "--out", str(tmp_path / "study.yaml")])
    (tmp_path / "mine.json").write_text('{"shares": [2]}')
    with pytest.raises(ConfigError, match="shares"):
        find_budget(str(tmp_path / "mine.json"))


@pytest.mark.smoke
def test_a_tiny_study_runs_to_its_page(tmp_path, mini_corpus):
    config = StudyConfig(
        recipe="debug",
        target=str(mini_corpus),
        corpora=(str(mini_corpus),),
        num_seeds=1,
        pretrain=SHORT,
        finetune=SHORT,
        finetune_rates=(1e-3,),
    )
    (tmp_path / "tiny.json").write_text(json.dumps(encode(config)))
    done = subprocess.run(
        [sys.executable, "-m", "vitrail.cli", "run", "--study", "tiny.json"],
        cwd=tmp_path,
        env=os.environ | {"VITRAIL_HOME": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    study = tmp_path / "runs" / "latest" / "study"
    report = read(StudyReport, study / "study")
    assert [arm.way for arm in report.arms] == ["none", "longer", "default@emoji-mini"]
    assert f"page      {study.resolve().parents[2]}" in done.stdout
    shown = {"page": "study.md", "result": "study/study.json", "gains": "study/gains.svg"}
    for output, file in shown.items():
        [artifact] = (tmp_path / "runs" / "kfp").rglob(f"run-study/{output}")
        assert artifact.read_bytes() == (study / file).read_bytes()
