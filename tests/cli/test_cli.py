"""The command line as users type it; every command is in the README, and the README's commands exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vitrail.cli import main

REPOSITORY = Path(__file__).parents[2]


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def commands():
    done = subprocess.run(
        [sys.executable, "-m", "vitrail.cli", "--help"], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    return set(re.findall(r"^    ([a-z-]+) ", done.stdout, flags=re.MULTILINE))


def test_every_command_is_documented_and_exists(capsys):
    documentation = (REPOSITORY / "README.md").read_text() + (REPOSITORY / "docs" / "corpora.md").read_text()
    mentioned = set(re.findall(r"vitrail ([a-z]+)\b", documentation)) & set(re.findall(r"[a-z]+", " ".join(commands())))
    assert mentioned == commands()


def test_corpus_is_checked(capsys, mini_corpus):
    status, out, _ = call(capsys, "corpus", "check", str(mini_corpus))
    assert status == 0
    assert "whole, 356 images" in out


def test_bad_input_is_one_line_and_a_status(capsys, tmp_path):
    status, _, err = call(capsys, "corpus", "check", str(tmp_path))
    assert status == 1
    assert err.startswith("vitrail: ")
    assert "Traceback" not in err


def test_unknown_recipe_names_the_known_ones(capsys):
    status, _, err = call(capsys, "recipes", "emojy")
    assert status == 1
    assert "emoji, openclipart, folder, debug, vit_b16_1b" in err


def test_a_printed_recipe_can_be_used(capsys, tmp_path):
    _, out, _ = call(capsys, "recipes", "debug")
    (tmp_path / "mine.json").write_text(out)
    status, again, _ = call(capsys, "recipes", str(tmp_path / "mine.json"))
    assert status == 0
    assert json.loads(again) == json.loads(out)


def test_plan_of_paper_scale(capsys):
    status, out, _ = call(capsys, "plan", "--recipe", "vit_b16_1b", "--hardware", "h100")
    plan = json.loads(out)
    assert status == 0
    assert plan["num_steps"] == 317_383  # one epoch of 1.3 billion images at 4,096 a step
    assert plan["num_devices"] == 256
    assert plan["device_hours"] > 0


def test_outside_the_repository_the_remedy_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = call(capsys, "run")
    assert status == 1
    assert "VITRAIL_HOME" in err
