"""A real BentoML server as a process: without a model, so that it starts quickly."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from vitrail.errors import ServingError
from vitrail.packaging import running_endpoint

SERVICE = """
import bentoml, os
from vitrail.packaging.tether import end_with_parent

@bentoml.service
class Small:
    def __init__(self):
        end_with_parent(os.getppid())

    @bentoml.api
    def hello(self) -> str:
        return os.environ["GREETING"]
"""


def processes_in(folder: Path) -> list[str]:
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.resolve() == folder.resolve():
                found.append(link.parent.name)
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


def fail_after_a_request(folder: Path) -> None:
    with running_endpoint(folder, log=folder / "log", timeout_s=60, environment={"GREETING": "bonjour"}) as url:
        assert httpx.post(f"{url}/hello", trust_env=False).text == "bonjour"
        assert len(processes_in(folder)) >= 2
        raise ZeroDivisionError


def test_it_is_stopped_with_its_children_even_after_an_error(tmp_path):
    (tmp_path / "service.py").write_text(SERVICE)
    with pytest.raises(ZeroDivisionError):
        fail_after_a_request(tmp_path)
    assert processes_in(tmp_path) == []


def test_a_server_that_ends_says_why(tmp_path):
    (tmp_path / "service.py").write_text("raise RuntimeError('no such model')")
    with (
        pytest.raises(ServingError, match=r"ended with status(?s:.*)no such model"),
        running_endpoint(tmp_path, log=tmp_path / "log", timeout_s=60),
    ):
        pass


def test_a_server_that_is_never_ready_is_stopped(tmp_path):
    (tmp_path / "service.py").write_text("import time\ntime.sleep(600)")
    started = time.monotonic()
    with (
        pytest.raises(ServingError, match="not ready after 1 s"),
        running_endpoint(tmp_path, log=tmp_path / "log", timeout_s=1),
    ):
        pass
    assert time.monotonic() - started < 30
    assert processes_in(tmp_path) == []


STARTER = """
import sys, time
from pathlib import Path
from vitrail.packaging import running_endpoint

folder = Path(sys.argv[1])
with running_endpoint(folder, log=folder / "log", timeout_s=120, environment={"GREETING": "bonjour"}):
    print("ready", flush=True)
    time.sleep(600)
"""


def wait_for(is_so: Callable[[], bool], timeout_s: float = 60) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not is_so():
        time.sleep(0.1)
    return is_so()


@pytest.mark.parametrize("victim", ["starter by SIGTERM", "starter by SIGKILL", "supervisor by SIGKILL"])
def test_nothing_outlives_the_process_that_started_it(tmp_path, victim):
    """A benchmark, a test or a step that is killed leaves no endpoint behind, a killed supervisor no worker."""
    (tmp_path / "service.py").write_text(SERVICE)
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "ready\n"
        processes = processes_in(tmp_path)
        assert len(processes) >= 2
        target = min(map(int, processes)) if victim.startswith("supervisor") else starter.pid
        os.kill(target, signal.SIGTERM if victim.endswith("SIGTERM") else signal.SIGKILL)
        ended = wait_for(lambda: processes_in(tmp_path) == [])
        starter.kill()
    assert ended
