"""What a local run says when the pipeline ends before its first step."""

import json

import yaml

from pipelines import __main__ as command
from vitrail.recipes import find_recipe


def test_a_run_that_never_started_does_not_speak_for_the_one_before(tmp_path, monkeypatch, capsys):
    before = tmp_path / "before"
    before.mkdir()
    (before / "summary.json").write_text(json.dumps({"status": "succeeded"}))
    (tmp_path / "latest").symlink_to("before")

    def ending_at_once(**arguments):
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(command, "make_pipeline", lambda recipe: ending_at_once)
    assert command.run_locally(find_recipe("debug"), {"workspace": str(tmp_path)}) == 1
    assert "ended before its report" in capsys.readouterr().err
    assert "no space left on device" in (tmp_path / "pipeline.log").read_text()


def test_options_override_the_recipe(tmp_path):
    command.main(["compile", "--recipe", "debug", "--profile-steps", "3", "--out", str(tmp_path / "graph.yaml")])
    graph = next(yaml.safe_load_all((tmp_path / "graph.yaml").read_text()))
    recipe = json.loads(graph["root"]["inputDefinitions"]["parameters"]["recipe"]["defaultValue"])
    assert recipe["pretrain"]["profile_steps"] == 3
    assert recipe["finetune"]["profile_steps"] == 0
