"""A real BentoML server as a process: without a model, so that it starts quickly."""

import time
from pathlib import Path

import httpx
import pytest

from vitrail.errors import ServingError
from vitrail.packaging import running_endpoint

SERVICE = """
import bentoml, os

@bentoml.service
class Small:
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
