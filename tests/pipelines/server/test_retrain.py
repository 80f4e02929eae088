"""`make retrain`: the corpus is checked, the pipeline compiled and submitted, and the verdict is there to be posted."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

from builders import REPOSITORY
from builders.pipeline_servers import StandIn, ended_run, serving
from components.announcements import announce
from pipelines.verdict_table import write_markdown
from vitrail.contracts.verdict import Check, Verdict

STATES = {"checkout_corpus": "SUCCEEDED", "gate_model": "SUCCEEDED", "publish_report": "SUCCEEDED"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("KF_PIPELINES")}
VENV = Path(sys.executable).parents[1]


def check(**given):
    whole = {
        "name": "retrieval/p_at_1",
        "kind": "value",
        "outcome": "fail",
        "limit": 0.25,
        "direction": "min",
        "challenger": 0.2,
        "champion": None,
        "difference": None,
        "low": None,
        "high": None,
        "reason": "0.200 < 0.250",
    }
    return Check(**whole | given)


def verdict(*checks, reasons=()):
    return Verdict(
        status="rejected",
        challenger_id="m1",
        champion_id="m0",
        champion_version="1",
        corpus_digest="d",
        checks=checks,
        reasons=reasons,
    )


def retrain(*variables, options=()):
    return subprocess.run(
        [
            "make",
            "--no-print-directory",
            *options,
            "--old-file",
            f"{VENV}/.installed",
            "retrain",
            f"VENV={VENV}",
            *variables,
        ],
        cwd=REPOSITORY,
        env=ENVIRONMENT | {"HOST": "a-shell", "NAME": "its-machine"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_rejected_model_fails_the_target_and_is_in_the_comment(tmp_path):
    comment = tmp_path / "comment.md"
    comment.write_text("of the run before")
    with serving(StandIn()) as server:
        server.looks = [ended_run("SUCCEEDED", STATES)]
        server.logs = {"impl-00013": announce(verdict(check()))}
        done = retrain(
            f"HOST={server.host}",
            "IMAGE_PREFIX=host:5000/team",
            "CORPUS=/vitrail/corpus",
            "RECIPE=debug",
            "NAMESPACE=team-a",
            f"COMMENT={comment}",
        )
    assert done.returncode == 2, done.stderr
    assert "Error 3" in done.stderr  # the status of `vitrail submit`
    lines = comment.read_text().splitlines()
    assert lines[0] == "**debug on /vitrail/corpus: rejected: the champion stays**"
    assert lines[-1] == r"| retrieval/p\_at\_1 | value | 0.200 | ≥ 0.250 | fail |"
    experiment, run = server.posted
    assert experiment["namespace"] == "team-a"
    assert run["runtime_config"]["parameters"]["corpus"] == "/vitrail/corpus"
    compiled = next(yaml.safe_load_all(comment.with_suffix(".yaml").read_text()))
    assert compiled == run["pipeline_spec"]["pipeline_spec"]


def test_a_corpus_of_the_repository_is_restored_and_checked_first():
    done = retrain("HOST=http://kfp", "IMAGE_PREFIX=a/b", "REVISION=v1", "NAME=it's", options=["--dry-run"])
    commands = [line.partition("/bin/")[2] for line in done.stdout.splitlines()]
    assert commands == [
        "vitrail data",
        "vitrail corpus check 'data/emoji'",
        "vitrail compile --corpus 'emoji'  --image-prefix 'a/b'  --revision 'v1' --out 'runs/retrain.yaml'",
        "vitrail submit --corpus 'emoji'  --image-prefix 'a/b'  --revision 'v1' --host 'http://kfp'   "
        r"--name 'it'\''s' --comment 'runs/retrain.md'",
    ]


def test_no_text_of_a_run_is_markup_of_a_comment():
    """Names of tasks and labels come from data."""
    odd = "<b>|`x`|</b> @everyone [a](b)\n# title"
    text = write_markdown(verdict(check(name=odd), reasons=(odd,)))
    head, rule, row, _, reason = text.splitlines()
    assert head.count("|") == rule.count("|") == row.replace(r"\|", "").count("|")
    for line in (row, reason):
        assert r"\<b\>\|\`x\`\|\</b\> \@everyone \[a\](b) \# title" in line


def test_a_change_shows_the_difference_with_its_sign():
    change = check(
        smallest_difference=0.04,
        kind="change",
        limit=-0.02,
        challenger=0.3,
        champion=0.25,
        difference=0.05,
        low=-0.01,
        high=0.11,
        outcome="pass",
    )
    size = check(name="parameters", challenger=8_700_000.0, limit=10_000_000.0, direction="max", outcome="pass")
    row = write_markdown(verdict(change, check(challenger=None), size)).splitlines()[2:]
    assert row[0].endswith("| against the champion | +0.050 [-0.010, +0.110], tells 0.040 | ≥ -0.020 | pass |")
    assert row[1].endswith("| value | missing | ≥ 0.250 | fail |")
    assert row[2].endswith("| value | 8,700,000 | ≤ 10,000,000 | pass |")
