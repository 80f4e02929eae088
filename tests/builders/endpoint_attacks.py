"""Requests that nobody should send: each is to be refused with a 4xx, and to cost others nothing."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any
from urllib.parse import urlsplit

from builders.costly_pictures import COSTLY
from builders.pictures import make_picture

__all__ = ["http_attacks", "send_socket_attacks"]

_POST = b"POST /embed HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
_STALLED_BYTES = 15 * 2**20
_TIMEOUT_S = 120.0
_AT_ONCE = 400


def http_attacks() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """(method, path, what httpx takes), by name."""
    picture = make_picture(1, side=200)
    damaged = picture[:100] + bytes(60) + picture[160:]
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    pickle = {"content-type": "application/vnd.bentoml+pickle"}
    return {
        "k of 17 digits": ("POST", "/search", {"files": {"image": picture}, "data": {"k": "00000001099999999"}}),
        "k of 5,009 digits": ("POST", "/search", {"files": {"image": picture}, "data": {"k": "9" * 5009}}),
        "k of another script": ("POST", "/search?k=٣", {"files": {"image": picture}}),
        "thumbnail of 4,400 digits": ("GET", f"/thumbnails/x/{'1' * 4400}.webp", {}),
        "thumbnail of another index": ("GET", "/thumbnails/000000000000/1.webp", {}),
        **{name: ("POST", "/classify", {"files": {"image": made()}}) for name, made in COSTLY.items()},
        "half a picture": ("POST", "/embed", {"files": {"image": picture[: len(picture) // 2]}}),
        "damaged picture": ("POST", "/embed", {"files": {"image": damaged}}),
        "text": ("POST", "/search", {"files": {"image": b"no picture"}}),
        "SVG": ("POST", "/search", {"files": {"image": b"<svg></svg>"}}),
        "nothing": ("POST", "/search", {}),
        "JSON": ("POST", "/search", {"json": {"image": "aGk="}}),
        "pickle": ("POST", "/search", {"content": b"\x80\x04N.", "headers": pickle}),
        "cut form": ("POST", "/search", {"content": b"--x\r\nContent-Disposition: form-da", "headers": multipart}),
        "two pictures": ("POST", "/search", {"files": [("image", picture), ("image", picture)]}),
        "wrong method": ("DELETE", "/search", {}),
        "no route": ("POST", "/admin", {"content": bytes(100_000)}),
        "long address": ("GET", "/" + "a" * 60_000, {}),
        "many headers": ("GET", "/about", {"headers": {f"x-{number}": "a" * 100 for number in range(500)}}),
    }  # fmt: skip


def _socket_attacks() -> dict[str, tuple[bytes, ...]]:
    """What is sent piece by piece, before the client falls silent."""
    return {
        "two bytes of a body": (_POST + b"Content-Length: 100000\r\n\r\nab",),
        "header that does not end": (b"POST /embed HTTP/1.1\r\nHost: x\r\nX: ",),
        "endless headers": (b"GET / HTTP/1.1\r\n", *[b"X-Header: value\r\n" * 1000] * 100),
        "header of 60 MB": (b"GET / HTTP/1.1\r\nX: ", *[b"a" * 2**20] * 60),
        "body beyond every limit": (_POST + b"Content-Length: 500000000\r\n\r\n", *[bytes(2**20)] * 100),
    }


def _spread(num_requests: int) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Stalled uploads of 15 MB first, 100 of them at most; then the others in turn."""
    stalled = (_POST + b"Content-Length: %d\r\n\r\n" % (_STALLED_BYTES + 1), *[bytes(2**20)] * 15)
    num_stalled = min(100, num_requests // 10)
    yield from (("stalled upload of 15 MB", stalled) for _ in range(num_stalled))
    yield from islice(cycle(_socket_attacks().items()), num_requests - num_stalled)


async def _send(url: str, pieces: tuple[bytes, ...]) -> int:
    """The status that comes back; 0 when the connection was closed without a word."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    received = asyncio.ensure_future(_receive(reader))
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            if received.done():
                break
    head = await asyncio.wait_for(received, _TIMEOUT_S)
    writer.close()
    return int(head.split()[1]) if head else 0


async def _receive(reader: asyncio.StreamReader) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while not received.endswith(b"}") and (piece := await reader.read(65536)):
            received += piece
    return received


def send_socket_attacks(url: str, num_requests: int) -> dict[str, Counter[int]]:
    """Statuses of each kind of attack, hundreds of connections at once."""
    statuses: dict[str, Counter[int]] = {}

    async def attack(name: str, pieces: tuple[bytes, ...], places: asyncio.Semaphore) -> None:
        async with places:
            statuses.setdefault(name, Counter())[await _send(url, pieces)] += 1

    async def main() -> None:
        places = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(attack(name, pieces, places) for name, pieces in _spread(num_requests)))

    asyncio.run(main())
    return statuses
