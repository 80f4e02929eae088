"""A run that is told to end, as CI and schedulers do it."""

import time

import psutil
import pytest

from builders.local_runs import read_latest, start_pipeline

pytestmark = pytest.mark.smoke


def is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended, although an init process that collects no orphans leaves it in the table."""
    return process.status() == psutil.STATUS_ZOMBIE


def test_a_terminated_run_stops_its_task_and_still_reports(tmp_path, mini_corpus):
    process = start_pipeline(tmp_path, mini_corpus)
    while not list(tmp_path.glob("runs/*/steps/checkout_corpus.json")):
        assert process.poll() is None
        time.sleep(0.05)
    tasks = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1, printed
    assert "failed at checkout_corpus: it was killed" in printed
    assert not [task for task in psutil.wait_procs(tasks, timeout=10)[1] if not is_zombie(task)]
    assert read_latest(tmp_path, "summary.json")["status"] == "failed"
    assert (tmp_path / "runs" / "latest" / "report.html").exists()
