"""Connections within bounds: a real server with a small application, and clients that behave badly."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
import uvicorn

from serving.endpoint.client_bounds import Bounds, Watch
from serving.endpoint.guarded_protocol import GuardedProtocol

BOUNDS = Bounds(
    max_connections=20,
    max_header_bytes=2048,
    max_body_bytes=300_000,
    max_flight_bytes=200_000,
    header_s=2,
    silence_s=2,
    grace_s=3,
    min_bytes_per_s=1000,
    answer_s=3,
)
POST = b"POST /count HTTP/1.1\r\nHost: x\r\n"


async def application(scope, receive, send):
    """Answers with the length of the body; `/early` does not read it and `/never` does not answer."""
    if scope["type"] != "http":
        return
    length, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message.get("more_body")
    if scope["path"] == "/never":
        await asyncio.sleep(60)
    body = str(length).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Guarded(GuardedProtocol):
    watch = Watch(BOUNDS)
    lineage = {"run_id": "run-1"}  # noqa: RUF012


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(application, http=Guarded, loop="asyncio", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listener.getsockname()
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture
def ask(address):
    """Sends bytes on a new connection, and what else is sent a little later; returns status, content and seconds."""

    def ask(*parts: bytes, pause_s: float = 0.0) -> tuple[int, dict, float]:
        started = time.monotonic()
        with socket.create_connection(address, timeout=20) as connection:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause_s)
            received = bytearray()
            with contextlib.suppress(ConnectionError):
                while piece := connection.recv(65536):
                    received += piece
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        return status, json.loads(body) if b"problem+json" in head else {}, time.monotonic() - started

    yield ask
    deadline = time.monotonic() + 10
    while Guarded.watch.flight_bytes and time.monotonic() < deadline:
        time.sleep(0.01)
    assert Guarded.watch.flight_bytes == 0


def connect(address, data: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=20)
    connection.sendall(data)
    return connection


def test_good_requests_are_answered_on_one_connection(address):
    with httpx.Client(base_url=f"http://{address[0]}:{address[1]}", trust_env=False) as client:
        for length in (0, 1, 100_000, 0):
            assert client.post("/count", content=bytes(length)).text == str(length)
            assert client.get("/count").text == "0"


def test_pipelined_requests_are_answered_in_order(address):
    requests = b"".join(POST + b"Content-Length: %d\r\n\r\n" % length + bytes(length) for length in (3, 0, 7))
    with connect(address, requests) as connection:
        time.sleep(0.5)
        received = connection.recv(65536)
    assert [part[-1:] for part in received.split(b"HTTP/1.1 200")[1:]] == [b"3", b"0", b"7"]


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 3000,),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 3000 + b"\r\n\r\n",),
        (b"GET /" + b"a" * 5000,),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",),
        (b"GET / HTTP/1.1\r\n", *[b"X: a\r\n" * 100] * 20),
        (b"GET / HTTP/1.1\r\nX: ", *[b"a" * 100_000] * 50),
    ],
    ids=["open value", "value", "open address", "address", "endless headers", "endless value"],
)
def test_a_header_beyond_the_limit_is_refused_at_once(ask, parts):
    status, content, seconds = ask(*parts)
    assert (status, content["code"], content["lineage"]) == (431, "header_too_large", {"run_id": "run-1"})
    assert seconds < BOUNDS.header_s


def test_endless_trailers_are_refused(ask):
    status, content, _ = ask(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", *[b"X: a\r\n" * 100] * 20)
    assert (status, content["code"]) == (431, "header_too_large")


def test_a_header_that_does_not_end_is_waited_for_no_longer_than_allowed(ask):
    status, content, seconds = ask(*[b"G"] * 1, *[b"ET"] * 1, *[b" /"] * 1, pause_s=0.1)
    assert (status, content["code"]) == (408, "too_slow")
    assert seconds < 4 * BOUNDS.header_s


def test_a_client_that_says_nothing_is_sent_away(ask):
    status, _, seconds = ask()
    assert status == 0
    assert seconds < 4 * BOUNDS.header_s


def test_a_body_that_stops_is_refused(ask):
    status, content, seconds = ask(POST + b"Content-Length: 100000\r\n\r\nab")
    assert (status, content["code"]) == (408, "too_slow")
    assert seconds < 4 * BOUNDS.silence_s


def test_a_body_that_drips_is_refused(ask):
    status, content, _ = ask(POST + b"Content-Length: 100000\r\n\r\n", *[b"a"] * 16, pause_s=0.4)
    assert (status, content["code"]) == (408, "too_slow")


def test_a_body_beyond_the_limit_ends_though_it_is_not_read(ask):
    early = POST.replace(b"count", b"early") + b"Content-Length: 90000000\r\n\r\n"
    _, _, seconds = ask(early, *[bytes(100_000)] * 40)
    assert seconds < 10
    status, content, _ = ask(POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + bytes(65536) + b"\r\n"] * 9)
    assert (status, content["code"]) in {(413, "too_many_bytes"), (503, "busy")}


def test_an_answer_that_does_not_come_is_a_503_with_a_time_to_try_again(ask):
    status, content, seconds = ask(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, content["code"]) == (503, "too_late")
    assert seconds < 4 * BOUNDS.answer_s


def test_silent_bodies_give_way_to_those_that_come(address, ask):
    """Bytes in flight are bounded, and it is the stalled uploads that pay."""
    stalled = [connect(address, POST + b"Content-Length: 60000\r\n\r\n" + bytes(40_000)) for _ in range(5)]
    time.sleep(1.2)
    assert ask(POST + b"Connection: close\r\nContent-Length: 150000\r\n\r\n" + bytes(150_000))[0] == 200
    assert Guarded.watch.flight_bytes <= BOUNDS.max_flight_bytes
    answers = [connection.recv(100) for connection in stalled]
    assert sum(b" 408 " in answer for answer in answers) >= 3
    for connection in stalled:
        connection.close()


def test_silent_connections_give_way_to_new_ones(address, ask):
    silent = [connect(address, POST + b"Content-Length: 2\r\n\r\na") for _ in range(3 * BOUNDS.max_connections)]
    assert ask(POST + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc")[0] == 200
    for connection in silent:
        connection.close()


def test_what_is_no_http_and_what_asks_for_another_protocol(ask):
    status, content, _ = ask(b"\x16\x03\x01\0nonsense\r\n\r\n")
    assert (status, content["code"]) == (400, "bad_request")
    upgrade = b"Connection: upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n"
    assert ask(b"GET /count HTTP/1.1\r\nHost: x\r\n" + upgrade)[0] == 200
