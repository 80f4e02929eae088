"""The proof of an endpoint: golden images over HTTP, answers equal to the trainer's, and a latency budget."""

import collections
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from vitrail.contracts.bundle import GOLDEN_FOLDER, BundleManifest, open_bundle
from vitrail.contracts.codec import encode, write
from vitrail.contracts.serving import ServingCheck, ServingReport
from vitrail.errors import ServingError
from vitrail.packaging.compare import compare_answers
from vitrail.packaging.config import EndpointConfig
from vitrail.packaging.golden import Golden, read_golden

__all__ = ["prove_endpoint"]

_ROUTES = ("embed", "classify", "search")
_LINEAGE_HEADER = "x-vitrail-lineage"
_TIMEOUT_S = 60.0
_BAD_UPLOADS = {
    "empty": b"",
    "text": b"this is no picture",
    "bomb": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\6\0\0\0",  # 65,536 x 65,536 pixels
}


@dataclasses.dataclass
class _Traffic:
    """What requests cost, and which failed."""

    single_s: list[float] = dataclasses.field(default_factory=list)
    loaded_s: list[float] = dataclasses.field(default_factory=list)
    errors: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    num_requests: int = 0
    images_per_s: float = 0.0


def prove_endpoint(url: str, bundle: Path, config: EndpointConfig, out: Path) -> ServingReport:
    """Demands of a running endpoint what its bundle promises, and writes `serving.json` into `out`.

    Every golden image goes to `embed`, `classify` and `search`, one after the other and then with many
    clients at once; broken images must be refused politely.

    Raises:
        ServingError: A demand was not met (the report is written), or the bundle cannot be proven.
    """
    manifest = open_bundle(bundle)
    golden = read_golden(bundle / GOLDEN_FOLDER)
    traffic = _Traffic()
    limits = httpx.Limits(max_connections=config.num_clients, max_keepalive_connections=config.num_clients)
    with httpx.Client(base_url=url, timeout=_TIMEOUT_S, limits=limits, trust_env=False) as client:
        answers = _ask_all(client, golden, manifest.num_neighbours, traffic)
        checks = [
            _check_lineage(answers, manifest),
            *compare_answers(_bodies(answers), golden, config.tolerance),
            _check_refusals(client, golden),
        ]
        _load(client, golden, config, traffic)
    checks += [_check_errors(traffic), _check_latency(traffic, config)]
    report = _report(manifest, golden, traffic, checks, config, _stated_bento(answers))
    write(out, report)
    if not report.is_passed:
        failed = "; ".join(f"{check.name}: {check.detail}" for check in checks if not check.is_passed)
        raise ServingError(f"the endpoint is not proven: {failed} (see {out / report.FILE})")
    return report


def _post(client: httpx.Client, route: str, image: bytes, **fields: int) -> httpx.Response:
    return client.post(
        f"/{route}",
        files={"image": ("image", image, "application/octet-stream")},
        data={name: str(value) for name, value in fields.items()},
    )


def _timed(traffic: _Traffic, times: list[float], call: Callable[[], httpx.Response]) -> httpx.Response | None:
    """The response, or None when there was none; errors are counted."""
    started = time.perf_counter()
    try:
        response = call()
    except httpx.TransportError:
        traffic.errors["connection"] += 1
        return None
    times.append(time.perf_counter() - started)
    if not response.is_success:
        traffic.errors[str(response.status_code)] += 1
    return response


def _ask_all(
    client: httpx.Client, golden: Golden, num_neighbours: int, traffic: _Traffic
) -> dict[str, list[httpx.Response | None]]:
    _post(client, "search", golden.images[0])  # the first request pays for what is made on first use
    answers: dict[str, list[httpx.Response | None]] = {route: [] for route in _ROUTES}
    for route in _ROUTES:
        fields = {"k": num_neighbours} if route == "search" else {}
        for image in golden.images:
            answers[route].append(
                _timed(traffic, traffic.single_s, lambda: _post(client, route, image, **fields))  # noqa: B023
            )
            traffic.num_requests += 1
    return answers


def _bodies(answers: dict[str, list[httpx.Response | None]]) -> dict[str, list[Any]]:
    """JSON bodies; None where there was no good answer."""
    return {
        route: [None if response is None or not response.is_success else _json(response) for response in found]
        for route, found in answers.items()
    }


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _check_lineage(answers: dict[str, list[httpx.Response | None]], manifest: BundleManifest) -> ServingCheck:
    """The endpoint that answered is made of this bundle, and of no other."""
    expected = {name: value for name, value in encode(manifest.lineage).items() if value is not None}
    stated = [response.headers.get(_LINEAGE_HEADER) for found in answers.values() for response in found if response]
    wrong = sum(header is None or _without_bento(json.loads(header)) != expected for header in stated)
    return ServingCheck(
        name="lineage",
        is_passed=bool(stated) and wrong == 0,
        value=float(wrong),
        limit=0.0,
        detail=f"{wrong} of {len(stated)} answers state another lineage than the bundle's",
    )


def _stated_bento(answers: dict[str, list[httpx.Response | None]]) -> str | None:
    """The tag in the first answer's header; that every header is right is a check of its own."""
    headers = [response.headers.get(_LINEAGE_HEADER) for response in answers["embed"] if response]
    return json.loads(headers[0]).get("bento") if headers and headers[0] else None


def _without_bento(lineage: dict[str, str]) -> dict[str, str]:
    """The Bento is made of the bundle, so the bundle cannot know its tag."""
    return {name: value for name, value in lineage.items() if name != "bento"}


def _check_refusals(client: httpx.Client, golden: Golden) -> ServingCheck:
    """Broken images get a 4xx that says why."""
    uploads = _BAD_UPLOADS | {"truncated": golden.images[0][: len(golden.images[0]) // 2]}
    wrong = []
    for name, data in uploads.items():
        for route in _ROUTES:
            try:
                status = _post(client, route, data).status_code
            except httpx.TransportError:
                status = 0
            if not 400 <= status < 500:
                wrong.append(f"{route} answered {status} to an image that is {name}")
    return ServingCheck(
        name="refusals",
        is_passed=not wrong,
        value=float(len(wrong)),
        limit=0.0,
        detail=", ".join(wrong) or f"{len(uploads)} broken images were refused by every route",
    )


def _load(client: httpx.Client, golden: Golden, config: EndpointConfig, traffic: _Traffic) -> None:
    """Many clients at once, every route in turn."""
    work = list(_rounds(golden, config.num_rounds))
    started = time.perf_counter()
    with ThreadPoolExecutor(config.num_clients) as pool:
        list(pool.map(lambda job: _timed(traffic, traffic.loaded_s, lambda: _post(client, *job)), work))
    traffic.images_per_s = len(work) / (time.perf_counter() - started)
    traffic.num_requests += len(work)


def _rounds(golden: Golden, num_rounds: int) -> Iterator[tuple[str, bytes]]:
    for number in range(num_rounds):
        for position, image in enumerate(golden.images):
            yield _ROUTES[(number + position) % len(_ROUTES)], image


def _check_errors(traffic: _Traffic) -> ServingCheck:
    failed = sum(traffic.errors.values())
    listed = ", ".join(f"{count} x {status}" for status, count in sorted(traffic.errors.items()))
    return ServingCheck(
        name="errors",
        is_passed=failed == 0,
        value=float(failed),
        limit=0.0,
        detail=f"{failed} of {traffic.num_requests} requests failed{': ' if listed else ''}{listed}",
    )


def _check_latency(traffic: _Traffic, config: EndpointConfig) -> ServingCheck:
    p99_ms = _percentile_ms(traffic.single_s, 99)
    return ServingCheck(
        name="latency",
        is_passed=bool(traffic.single_s) and p99_ms <= config.max_p99_ms,
        value=p99_ms,
        limit=config.max_p99_ms,
        detail=f"p99 of single requests is {p99_ms:.1f} ms, the budget is {config.max_p99_ms:g} ms",
    )


def _percentile_ms(seconds: Sequence[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1000 if seconds else 0.0


def _report(
    manifest: BundleManifest,
    golden: Golden,
    traffic: _Traffic,
    checks: Sequence[ServingCheck],
    config: EndpointConfig,
    bento: str | None,
) -> ServingReport:
    return ServingReport(
        model_id=manifest.model_id,
        index_digest=manifest.index_digest,
        bundle_digest=manifest.digest,
        lineage=dataclasses.replace(manifest.lineage, bento=bento),
        checks=tuple(checks),
        num_images=len(golden.images),
        num_requests=traffic.num_requests,
        num_errors=dict(traffic.errors),
        p50_ms=_percentile_ms(traffic.single_s, 50),
        p99_ms=_percentile_ms(traffic.single_s, 99),
        num_clients=config.num_clients,
        loaded_p50_ms=_percentile_ms(traffic.loaded_s, 50),
        loaded_p99_ms=_percentile_ms(traffic.loaded_s, 99),
        images_per_s=traffic.images_per_s,
    )
