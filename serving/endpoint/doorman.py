"""Answers 503 at the shared port while no worker is ready, so that nobody waits for a model to load.

Workers that are ready hold a shared lock on one file of their server; a worker that still loads answers for it only
while nobody holds that lock, and then only connections that nobody else took.
"""

import contextlib
import fcntl
import os
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from .refusals import Refusal

__all__ = ["Doorman", "hold_ready", "listener_of"]

_POLL_S = 0.2
_CLIENT_S = 0.5
_RETRY_S = 10
_HEAD_BYTES = 65536
_ALIVE_PATHS = (b"/livez", b"/healthz")
_ALIVE = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1\r\nconnection: close\r\n\r\n\n"


def listener_of(command_line: list[str]) -> socket.socket | None:
    """The port that BentoML's worker was started with (`--fd NUMBER`), or None in another process."""
    if "--fd" not in command_line:
        return None
    return socket.socket(fileno=os.dup(int(command_line[command_line.index("--fd") + 1])))


def hold_ready(path: Path) -> int:
    """Says that this process is ready, until it ends; returns the open file."""
    file = os.open(path, os.O_RDONLY)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


class Doorman:
    """Answers while the block runs.

    Args:
        listener: The port.
        ready: The file on which workers that are ready hold a lock.
        lineage: Of the model that is being loaded.
    """

    def __init__(self, listener: socket.socket, ready: Path, lineage: Mapping[str, str]) -> None:
        self._listener = listener
        self._ready = ready
        self._loading = Refusal(503, "loading", "the model is being loaded; try again", _RETRY_S).encode(lineage)
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="doorman", daemon=True)

    def __enter__(self) -> "Doorman":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._is_done.is_set():
            if self._is_anybody_waiting(_POLL_S):
                time.sleep(_POLL_S)  # a worker that is ready would have taken it by now
                with self._only_if_nobody_is_ready() as is_alone:
                    if is_alone and self._is_anybody_waiting(0):
                        self._answer()

    def _is_anybody_waiting(self, timeout_s: float) -> bool:
        return bool(select.select([self._listener], [], [], timeout_s)[0])

    @contextlib.contextmanager
    def _only_if_nobody_is_ready(self) -> Iterator[bool]:
        file = os.open(self._ready, os.O_RDONLY)
        try:
            yield _can_lock(file)
        finally:
            os.close(file)

    def _answer(self) -> None:
        with contextlib.suppress(OSError):  # another took it, or the client is gone
            client, _ = self._listener.accept()
            with client:
                client.settimeout(_CLIENT_S)
                head = client.recv(_HEAD_BYTES)
                path = head.split(b" ", 2)[1] if head.count(b" ") > 1 else b""
                client.sendall(_ALIVE if path in _ALIVE_PATHS else self._loading)
                client.shutdown(socket.SHUT_WR)
                ends_s = time.monotonic() + _CLIENT_S
                while time.monotonic() < ends_s and client.recv(_HEAD_BYTES):
                    pass  # what is left unread would take the answer away


def _can_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
