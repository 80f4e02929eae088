"""A real endpoint as a process: started on a free port, waited for, and always stopped with its children.

It ends with the process that started it too, whatever ends that one.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from vitrail.errors import ServingError
from vitrail.packaging.tether import tethered

__all__ = ["bentoml_command", "free_port", "running_endpoint"]

_POLL_S = 0.1
_STOP_TIMEOUT_S = 10.0
_LOG_LINES = 20


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def bentoml_command(*arguments: str) -> list[str]:
    """The command line of BentoML in this interpreter's environment."""
    return [sys.executable, "-m", "bentoml", *arguments]


@contextlib.contextmanager
def running_endpoint(
    target: Path, *, log: Path, timeout_s: float, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serves a Bento, or a folder with a `service.py`, and yields its address once it is ready.

    Args:
        target: The Bento's folder.
        log: File for what the server prints.
        timeout_s: From start to ready.
        environment: Variables of the server besides those of this process.

    Raises:
        ServingError: The server ended or was not ready in time; the message shows the end of its log.
    """
    port = free_port()
    variables = {"BENTOML_DO_NOT_TRACK": "True"} | dict(environment or {})
    settings = [f"{name}={value}" for name, value in variables.items()]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["env", *settings, *tethered(bentoml_command("serve", ".", "--host", "127.0.0.1", "--port", str(port)))],
            cwd=target,
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # one group to stop: the server's workers are processes too
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, log, timeout_s)
        yield url
    finally:
        _stop(process)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServingError(f"the endpoint ended with status {process.returncode}:\n{_tail(log)}")
            with contextlib.suppress(httpx.TransportError):
                if client.get(f"{url}/readyz").is_success:
                    return
            time.sleep(_POLL_S)
    raise ServingError(f"the endpoint is not ready after {timeout_s:g} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([f"(end of {log})", *lines[-_LOG_LINES:]])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Asks the process group to end, and ends it if it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_TIMEOUT_S)
            break
    with contextlib.suppress(ProcessLookupError):  # a worker that outlived its parent
        os.killpg(process.pid, signal.SIGKILL)
