"""Real registries: an MLflow server on sqlite or PostgreSQL, started on a free port."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_postgresql", "mlflow_server", "postgresql"]

_START_S = 180  # a busy machine
_OWNER = "nobody"  # PostgreSQL refuses to run as root


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def mlflow_server(database: str, folder: Path) -> Iterator[str]:
    """Yields the address of an MLflow server on a database; it answers several requests at once."""
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # saves processes
    with (
        (folder / "server.log").open("wb") as log,
        _ended(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)) as server,
    ):
        _wait(lambda: _answers(f"http://127.0.0.1:{port}/health"), server, folder / "server.log")
        yield f"http://127.0.0.1:{port}"


def find_postgresql() -> Path | None:
    """The folder of PostgreSQL's programs; None where it is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(map(Path, glob.glob("/usr/lib/postgresql/*/bin")))
    return folders[-1] if folders else None


@contextlib.contextmanager
def postgresql(programs: Path) -> Iterator[str]:
    """Yields the address of an empty database of a PostgreSQL of its own."""
    owner = {"user": _OWNER} if os.getuid() == 0 else {}
    folder, port = Path(tempfile.mkdtemp(prefix="vitrail-postgresql-")), _free_port()
    try:
        if owner:
            shutil.chown(folder, _OWNER)
        initdb = [programs / "initdb", "-D", folder / "data", "-U", "vitrail", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **owner)
        start = [programs / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder]
        start += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with (
            (folder / "server.log").open("wb") as log,
            _ended(subprocess.Popen(start, cwd=folder, stdout=log, stderr=log, **owner)) as server,
        ):
            ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
            _wait(lambda: subprocess.run(ready, check=False).returncode == 0, server, folder / "server.log")
            yield f"postgresql+psycopg2://vitrail@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait(is_ready, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not is_ready():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)


@contextlib.contextmanager
def _ended(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
