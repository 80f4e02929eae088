"""While no worker is ready, whoever comes is told so; when one is, the doorman takes nobody."""

import contextlib
import json
import os
import socket
import sys
import threading
import time

import pytest

from serving.endpoint.doorman import Doorman, hold_ready, listener_of

LINEAGE = {"run_id": "run-1"}
REQUEST = b"POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture
def ready(tmp_path):
    (tmp_path / "ready").touch()
    return tmp_path / "ready"


def ask(listener: socket.socket, data: bytes, timeout_s: float = 20) -> bytes:
    with socket.create_connection(listener.getsockname(), timeout=timeout_s) as client:
        received = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
            while piece := client.recv(65536):
                received += piece
    return received


def test_whoever_comes_while_all_load_is_told_when_to_come_again(listener, ready):
    with Doorman(listener.dup(), ready, LINEAGE):
        started = time.monotonic()
        head, _, body = ask(listener, REQUEST).partition(b"\r\n\r\n")
        assert time.monotonic() - started < 10
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 10" in head
        assert (json.loads(body)["code"], json.loads(body)["lineage"]) == ("loading", LINEAGE)
        assert ask(listener, b"GET /readyz HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503 ")
        assert ask(listener, b"GET /livez HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_many_who_say_nothing_do_not_keep_it_busy(listener, ready):
    with contextlib.ExitStack() as silent:
        for _ in range(3):
            silent.enter_context(socket.create_connection(listener.getsockname()))
        with Doorman(listener.dup(), ready, LINEAGE):
            assert b" 503 " in ask(listener, REQUEST)


def test_it_takes_nobody_while_a_worker_is_ready(listener, ready):
    file = hold_ready(ready)
    with Doorman(listener.dup(), ready, LINEAGE):
        with pytest.raises(TimeoutError):
            ask(listener, b"GET / HTTP/1.1\r\n\r\n", timeout_s=1.5)
        os.close(file)  # as when the worker is killed
        assert b" 503 " in ask(listener, REQUEST)


def test_it_goes_when_the_model_is_loaded(listener, ready):
    before = threading.active_count()
    with Doorman(listener.dup(), ready, LINEAGE):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_the_port_is_the_one_that_the_worker_was_started_with(listener):
    found = listener_of(["service.py", "--fd", str(listener.fileno()), "--worker-id", "1"])
    assert found is not None
    assert found.getsockname() == listener.getsockname()
    found.close()
    assert listener_of(sys.argv) is None
