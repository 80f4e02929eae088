"""What clients may take up: connections, bytes of headers and bodies, and time while the server waits for them."""

import asyncio
import resource
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Bounds", "Connection", "Watch", "allow_connections"]

_TICK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """For one process.

    Attributes:
        max_connections: Beyond, the one that is silent for longest gives way.
        max_header_bytes: Address and headers of a request.
        max_body_bytes: Of a request; what a route does not want is refused by it, in its own words.
        max_flight_bytes: Bodies in memory; beyond, the one that is silent for longest gives way.
        header_s: For a whole header.
        silence_s: Without a byte, within a body.
        grace_s: Before the rate of a body counts.
        min_bytes_per_s: Of a body on average.
        answer_s: For the answer, and for the client to take it.
    """

    max_connections: int = 4096
    max_header_bytes: int = 32 * 2**10
    max_body_bytes: int = 64 * 2**20
    max_flight_bytes: int = 128 * 2**20
    header_s: int = 10
    silence_s: int = 10
    grace_s: int = 15
    min_bytes_per_s: int = 4096
    answer_s: int = 60


class Connection(Protocol):
    """What a watch needs to know of a connection: when it was heard last, and what it holds."""

    heard_at: float
    flight_bytes: int

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn."""

    def check(self, now_s: int) -> None:
        """Ends the connection if its time is over."""

    def give_way(self, *, is_late: bool) -> None:
        """Ends the connection because others need its place: it was silent for long, or all others are served."""


class Watch:
    """All connections of a process.

    Its clock counts the seconds in which the event loop ran: a process that stood still has not waited for anybody.

    Args:
        bounds: What all of them together may take up.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.now_s = 0
        self.flight_bytes = 0
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """Watches a new connection."""
        if len(self._connections) >= self.bounds.max_connections:
            self._free_one(connection)
        self._connections.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(_TICK_S, self._tick, loop)

    def remove(self, connection: Connection) -> None:
        """Forgets a connection and what it held."""
        self._connections.discard(connection)
        self.release(connection)

    def hold(self, connection: Connection, num_bytes: int) -> None:
        """Counts bytes that a connection holds; when they are too many another one, or this one, ends."""
        connection.flight_bytes += num_bytes
        self.flight_bytes += num_bytes
        while self.flight_bytes > self.bounds.max_flight_bytes and connection.flight_bytes:
            self._free_one(connection, holding=True)

    def release(self, connection: Connection) -> None:
        """The connection holds nothing any more."""
        self.flight_bytes -= connection.flight_bytes
        connection.flight_bytes = 0

    def _free_one(self, newest: Connection, *, holding: bool = False) -> None:
        others = (it for it in self._connections if it.is_waiting and it is not newest)
        candidates = [it for it in others if it.flight_bytes or not holding]
        given_up = min(candidates, key=lambda it: it.heard_at, default=newest)
        self.release(given_up)
        given_up.give_way(is_late=given_up is newest)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now_s += 1
        for connection in list(self._connections):
            connection.check(self.now_s)
        self._timer = loop.call_later(_TICK_S, self._tick, loop) if self._connections else None


def allow_connections(wanted: int) -> int:
    """Raises the number of files that this process may open; returns how many connections that is enough for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 2 * wanted
    if soft < enough:
        soft = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(wanted, soft // 2)
