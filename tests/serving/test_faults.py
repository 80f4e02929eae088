"""All attacks at once, among good requests, and a worker that is killed: `make test-endpoint-faults`.

Takes minutes; what it counted is printed as one JSON object.
"""

import collections
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from builders import REPOSITORY
from builders.costly_pictures import encode, noise_photo
from builders.endpoint_attacks import http_attacks, send_socket_attacks
from serving.endpoint.client_bounds import Bounds
from vitrail.contracts.bundle import read_bundle, seal_bundle
from vitrail.packaging import running_endpoint
from vitrail.packaging.golden import read_golden

pytestmark = pytest.mark.faults

NUM_REQUESTS = 10_000
NUM_BY_SOCKETS = 1_000
NUM_BY_HTTP = 2_000
NUM_QUIET = 1_000
NUM_CLIENTS = 4
MAX_SLOWDOWN = 3.0
MAX_GROWTH_BYTES = 2 * Bounds.max_flight_bytes  # what two workers may have had in hand at once
LARGE_EVERY = 300  # of the requests of a client; fewer than p99 sees
ROUTES = ("embed", "classify", "search")
MIB = 2**20


@pytest.fixture(scope="module")
def url(bundle: Path, tmp_path_factory) -> Iterator[str]:
    """Two workers, and pictures of up to 16 MB as by default."""
    folder = tmp_path_factory.mktemp("faults")
    served = shutil.copytree(bundle, folder / "bundle")
    seal_bundle(served, dataclasses.replace(read_bundle(bundle), max_bytes=16 * MIB))
    settings = {"VITRAIL_BUNDLE": str(served), "VITRAIL_WORKERS": "2"}
    with running_endpoint(REPOSITORY / "serving", log=folder / "log", timeout_s=600, environment=settings) as url:
        wait_for_workers(2)
        yield url


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if rss_of_worker(child)]


def rss_of_worker(process: psutil.Process) -> int:
    """Bytes; 0 for another process, and for one that has just ended."""
    try:
        is_worker = "_bentoml_impl.worker.service" in process.cmdline()
        return process.memory_info().rss if is_worker else 0
    except psutil.Error:
        return 0


def wait_for_workers(count: int) -> None:
    """Workers that have loaded: their model takes memory."""
    deadline = time.monotonic() + 600
    while sum(rss_of_worker(worker) > 300 * MIB for worker in workers()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    time.sleep(5)


@dataclasses.dataclass(frozen=True)
class Good:
    """A request of a user, and what it is answered when nobody else asks."""

    route: str
    picture: bytes
    k: int

    def ask(self, client: httpx.Client) -> httpx.Response:
        return client.post(f"/{self.route}", files={"image": self.picture}, data={"k": str(self.k)})


def is_same(found: object, expected: object) -> bool:
    """Equal up to the order of floating point sums, which depends on the size of a batch."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and found.keys() == expected.keys() and all(
            is_same(found[key], value) for key, value in expected.items()
        )  # fmt: skip
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(is_same, found, expected))
    return found == pytest.approx(expected, abs=1e-4) if isinstance(expected, float) else found == expected


class Users:
    """Clients that send good requests, the last of them (a large picture) rarely, and what became of them."""

    def __init__(self, url: str, requests: list[Good]) -> None:
        self.url = url
        self.requests = requests
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            self.alone = [request.ask(client).json() for request in requests]
        self.statuses: collections.Counter[int] = collections.Counter()
        self.num_wrong = 0
        self.latencies_s: list[float] = []

    def run(self, count: int) -> None:
        self.latencies_s.clear()
        with ThreadPoolExecutor(NUM_CLIENTS) as pool:
            list(pool.map(self._client, [count // NUM_CLIENTS] * NUM_CLIENTS, range(NUM_CLIENTS)))

    def percentile_ms(self, percentile: float) -> float:
        return float(np.percentile(self.latencies_s, percentile)) * 1000

    def _client(self, count: int, seed: int) -> None:
        order = random.Random(seed)
        kept = httpx.Limits(keepalive_expiry=2)  # the server closes after 5 s without a request
        with httpx.Client(base_url=self.url, timeout=120, trust_env=False, limits=kept) as client:
            for turn in range(1, count + 1):
                number = -1 if turn % LARGE_EVERY == 0 else order.randrange(len(self.requests) - 1)
                started = time.perf_counter()
                answer = self.requests[number].ask(client)
                self.latencies_s.append(time.perf_counter() - started)
                self.statuses[answer.status_code] += 1
                self.num_wrong += not is_same(answer.json(), self.alone[number])


def attack_by_http(url: str, count: int) -> dict[str, collections.Counter[int]]:
    statuses: dict[str, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        for name, (method, path, options) in islice(cycle(http_attacks().items()), count):
            statuses[name][client.request(method, path, **options).status_code] += 1
    return statuses


@contextlib.contextmanager
def sampled(read: Callable[[], int]) -> Iterator[list[int]]:
    """Values while the block runs."""
    values, ended = [read()], threading.Event()

    def sample() -> None:
        while not ended.wait(0.5):
            values.append(read())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield values
    finally:
        ended.set()
        thread.join()


def memory_bytes() -> int:
    return sum(map(rss_of_worker, workers()))


@pytest.fixture(scope="module")
def users(url: str, bundle: Path) -> Users:
    pictures = [*read_golden(bundle / "golden").images[:8], encode(noise_photo(1200, 900), "JPEG")]
    requests = [Good(route, picture, k) for picture in pictures for route in ROUTES for k in (1, 7, 20)]
    return Users(url, [*requests, Good("search", encode(noise_photo(2400, 1800), "PNG"), 3)])


def test_good_requests_are_answered_as_alone_whatever_else_is_sent(url, users):
    users.run(NUM_QUIET // 4)  # warm
    users.run(NUM_QUIET)
    quiet_p99_ms = users.percentile_ms(99)
    with sampled(memory_bytes) as memory, ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(attack_by_http, url, NUM_BY_HTTP), pool.submit(send_socket_attacks, url, NUM_BY_SOCKETS)]
        users.run(NUM_REQUESTS - NUM_BY_HTTP - NUM_BY_SOCKETS)
        bad = {name: dict(found) for job in jobs for name, found in job.result().items()}
    attacked_p99_ms = users.percentile_ms(99)
    counts = {
        "num_requests": NUM_REQUESTS,
        "good": dict(users.statuses),
        "good_answered_otherwise_than_alone": users.num_wrong,
        "bad": bad,
        "quiet_p99_ms": round(quiet_p99_ms, 1),
        "attacked_p99_ms": round(attacked_p99_ms, 1),
        "slowdown": round(attacked_p99_ms / quiet_p99_ms, 2),
        "memory_mib": {"before": memory[0] // MIB, "peak": max(memory) // MIB, "after": memory_bytes() // MIB},
    }
    sys.stdout.write(json.dumps(counts) + "\n")
    assert users.statuses.keys() == {200}
    assert users.num_wrong == 0
    assert {status // 100 for found in bad.values() for status in found} == {4}
    assert sum(sum(found.values()) for found in bad.values()) == NUM_BY_HTTP + NUM_BY_SOCKETS
    assert memory_bytes() < memory[0] + MAX_GROWTH_BYTES
    assert attacked_p99_ms <= MAX_SLOWDOWN * quiet_p99_ms


def test_a_killed_worker_costs_no_more_than_what_it_had_in_hand(url, users):
    """Requests in its hands end at once; the others go to the worker that is left, until there are two again."""
    victim, broken, slowest_s, statuses = workers()[0], 0, 0.0, collections.Counter()
    request = users.requests[0]
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for number in range(400):
            if number == 50:
                os.kill(victim.pid, signal.SIGKILL)
            started = time.monotonic()
            try:
                statuses[request.ask(client).status_code] += 1
            except httpx.TransportError:
                broken += 1
            slowest_s = max(slowest_s, time.monotonic() - started)
    sys.stdout.write(json.dumps({"statuses": statuses, "broken": broken, "slowest_s": round(slowest_s, 2)}) + "\n")
    assert statuses.keys() == {200}
    assert broken <= 1
    assert slowest_s < 10
    wait_for_workers(2)
    assert victim.pid not in {worker.pid for worker in workers()}


def test_while_no_worker_is_left_everybody_is_told_to_try_again(url, users):
    """No request waits for its own timeout: it is refused as soon as the supervisor has started another worker."""
    for worker in workers():
        worker.kill()
    request, slowest_s, statuses = users.requests[0], 0.0, collections.Counter()
    deadline = time.monotonic() + 600
    while statuses[200] == 0 and time.monotonic() < deadline:
        started = time.monotonic()
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            answer = request.ask(client)
        slowest_s = max(slowest_s, time.monotonic() - started)
        statuses[answer.status_code] += 1
        if answer.status_code != 200:
            assert answer.json()["code"] == "loading"
            assert int(answer.headers["retry-after"]) > 0
            time.sleep(0.2)
    sys.stdout.write(json.dumps({"without_workers": statuses, "slowest_s": round(slowest_s, 2)}) + "\n")
    assert statuses.keys() == {200, 503}
