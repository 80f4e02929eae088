"""What a task writes to its log for whoever submitted the run is read back from there, and from nothing else."""

import json
from types import SimpleNamespace

from components.adapter import run_task
from components.announcements import announce, find_announcement
from vitrail.contracts.codec import encode, read
from vitrail.contracts.runs import RunSummary
from vitrail.contracts.verdict import Verdict
from vitrail.recipes import find_recipe
from vitrail.steps import STEPS

VERDICT = Verdict(
    status="inconclusive",
    challenger_id="m1",
    champion_id=None,
    champion_version=None,
    corpus_digest="d",
    checks=(),
    reasons=("two\nlines", "größer ≥ kleiner"),
)


def test_a_contract_is_one_line_among_others_and_the_last_one_counts():
    line = announce(VERDICT)
    assert "\n" not in line
    first = line.replace("inconclusive", "rejected")
    log = f"epoch 1\n{first}\n2026-11-28T09:00:00Z {line}\nannounced summary.json {{}}\nbye"
    assert find_announcement(Verdict, log) == VERDICT
    assert find_announcement(RunSummary, "nothing of the kind") is None


def test_what_another_version_wrote_is_nothing():
    newer = encode(VERDICT) | {"schema_version": 1_000}
    assert find_announcement(Verdict, f"announced verdict.json {json.dumps(newer)}") is None
    assert find_announcement(Verdict, "announced verdict.json {cut off") is None


def test_gate_and_report_announce_what_they_made():
    assert {step.name: step.announces for step in STEPS.values() if step.announces} == {
        "gate_model": Verdict,
        "publish_report": RunSummary,
    }


def test_a_task_announces_the_contract_of_its_artifact(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("components.adapter.configure_logging", lambda: None)  # of the whole process
    recipe = json.dumps(encode(find_recipe("debug")))
    report = SimpleNamespace(path=str(tmp_path / "report.html"))
    run_task(
        "publish_report",
        {"workspace": str(tmp_path / "runs"), "run_id": "run-1", "recipe": recipe, "report": report},
    )
    found = find_announcement(RunSummary, capsys.readouterr().out)
    assert found == read(RunSummary, tmp_path / "runs" / "run-1")
    assert (found.status, found.failed_step) == ("unfinished", "checkout_corpus")
