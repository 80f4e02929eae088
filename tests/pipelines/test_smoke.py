"""The whole pipeline on this machine: a first model, then a second one that meets it as champion, then a failure."""

import json
import re
from pathlib import Path

import pytest

from builders.local_runs import read_latest, start_pipeline
from vitrail.contracts.files import read_json

pytestmark = pytest.mark.smoke


def run_pipeline(folder: Path, corpus: Path) -> tuple[int, str]:
    process = start_pipeline(folder, corpus)
    printed, _ = process.communicate()
    return process.returncode, printed


@pytest.fixture(scope="module")
def first(tmp_path_factory, mini_corpus):
    folder = tmp_path_factory.mktemp("smoke")
    status, printed = run_pipeline(folder, mini_corpus)
    assert status == 0, printed + (folder / "runs" / "latest" / "pipeline.log").read_text()[-5000:]
    return folder, printed, read_latest(folder, "summary.json")


def test_first_run_ends_with_a_champion(first):
    folder, printed, summary = first
    assert summary["verdict"] == "blessed"
    assert summary["model"] == {"name": "vitrail-debug", "version": "1", "alias": "champion"}
    assert summary["bento"] in printed
    assert "vitrail-debug/1 (champion)" in printed
    assert set(summary["seconds"]) >= {"checkout_corpus", "pretrain_backbone", "promote_model"}
    assert summary["metrics"]["concept/float/p_at_1"]["low"] <= summary["metrics"]["concept/float/p_at_1"]["high"]
    missing = [key for key, value in summary["lineage"].items() if value is None and key not in ("dvc_digest",)]
    assert missing in ([], ["git_revision"])
    assert (folder / "runs" / "latest" / "report.html").stat().st_size > 100_000


def test_endpoint_was_proven(first):
    folder, _, _ = first
    serving = json.loads((folder / "runs" / "latest" / "serving" / "serving.json").read_text())
    assert all(check["is_passed"] for check in serving["checks"])


@pytest.fixture(scope="module")
def two_at_once(first, mini_corpus, tmp_path_factory):
    """Two runs in the workspace of the first, started together; the second one has no corpus. How each ended."""
    folder, _, _ = first
    processes = [start_pipeline(folder, corpus) for corpus in (mini_corpus, tmp_path_factory.mktemp("empty"))]
    ended = []
    for process in processes:
        printed, _ = process.communicate()
        [report] = re.findall(r"^report +(\S+)$", printed, flags=re.MULTILINE)
        ended.append((process.returncode, printed, (folder / report).parent))
    return ended


def test_second_run_meets_the_champion_and_reuses_what_did_not_change(first, two_at_once):
    _, _, summary = first
    status, printed, run = two_at_once[0]
    assert status == 0, printed
    verdict, second = read_json(run / "verdict.json"), read_json(run / "summary.json")
    assert verdict["champion_version"] == "vitrail-debug/1"
    assert verdict["champion_id"] == summary["lineage"]["model_id"]
    assert any(check["kind"] == "change" for check in verdict["checks"])
    assert set(second["reused"]) == {"materialize_features", "pretrain_backbone", "finetune_tasks", "build_index"}
    assert second["run_id"] != summary["run_id"]


def test_failed_run_says_where_and_still_reports_while_another_one_succeeds(two_at_once):
    status, printed, run = two_at_once[1]
    assert status == 1
    assert "failed at checkout_corpus" in printed
    assert read_json(run / "summary.json")["status"] == "failed"
    assert "checkout_corpus" in (run / "report.html").read_text()
    assert "failed at" not in two_at_once[0][1]
