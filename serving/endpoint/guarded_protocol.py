"""HTTP connections that are bounded in number, bytes and time, which uvicorn's own are not.

uvicorn takes headers of any size, waits for a slow client for ever and knows no number of connections but one at
which it refuses everybody; BentoML counts a request that is still being sent as one that is being answered.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import httptools
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .client_bounds import Bounds, Watch
from .refusals import Refusal

__all__ = ["GuardedProtocol", "guard_connections"]

_HEAD, _BODY, _ANSWER, _LEAVING = "head", "body", "answer", "leaving"
_LEAVING_S = 2  # so that a client that still sends can read why it is sent away
_RETRY_S = 5


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol under the eyes of a watch.

    A connection waits for its client in `head` and `body`, is waited for in `answer`, and was sent away in `leaving`.
    """

    watch: ClassVar[Watch] = Watch(Bounds())
    lineage: ClassVar[Mapping[str, str]] = {}

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self._hear()
        self.flight_bytes = 0
        self._enter(_HEAD)
        self.watch.add(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, or was sent away."""
        self.watch.remove(self)
        super().connection_lost(exc)

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn."""
        return self._phase in (_HEAD, _BODY)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        if self._phase == _LEAVING:
            return
        self._hear()
        if self._phase == _HEAD:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._phase == _HEAD and self._header_bytes > self.watch.bounds.max_header_bytes:
            self._refuse_header()

    def on_message_begin(self) -> None:
        """A request begins; pipelined ones before their predecessor is answered."""
        super().on_message_begin()
        self._named_bytes = 0
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the address."""
        super().on_url(url)
        self._named_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer behind a chunked body."""
        super().on_header(name, value)
        self._named_bytes += len(name) + len(value)
        if self._phase == _BODY:
            self._require_short_header()

    def on_headers_complete(self) -> None:
        """The request is known, but for its body."""
        self._enter(_BODY)
        self._require_short_header()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._phase == _LEAVING:
            return
        super().on_body(body)
        self._body_bytes += len(body)
        if self._body_bytes > self.watch.bounds.max_body_bytes:
            self._send_away(Refusal(413, "too_many_bytes", "the request is too large"))
        elif not self.cycle.response_complete:
            self.watch.hold(self, len(body))

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._phase == _LEAVING:
            return
        super().on_message_complete()
        self._enter(_HEAD if self.cycle.response_complete else _ANSWER)

    def on_response_complete(self) -> None:
        """The request is answered; what is left of its body is still on its way."""
        self.watch.release(self)
        super().on_response_complete()
        if self._phase == _ANSWER:
            self._enter(_HEAD if self.cycle.response_complete else _ANSWER)  # the next one may wait already

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP."""
        self._send_away(Refusal(400, "bad_request", msg))

    def check(self, now_s: int) -> None:
        """Ends the connection if its time is over."""
        bounds, spent_s = self.watch.bounds, now_s - self._entered_s
        if self._phase == _LEAVING:
            if spent_s > _LEAVING_S:
                self.transport.close()
        elif self._phase == _ANSWER:
            if spent_s > bounds.answer_s:
                reason = f"there was no answer in {bounds.answer_s} s; try again"
                self._send_away(Refusal(503, "too_late", reason, _RETRY_S))
        elif self._phase == _BODY:
            is_slow = spent_s > bounds.grace_s and self._body_bytes < bounds.min_bytes_per_s * spent_s
            if is_slow or now_s - self._heard_s > bounds.silence_s:
                self._send_away(Refusal(408, "too_slow", "the rest of the request did not come in time"))
        elif self._header_bytes and spent_s > bounds.header_s:
            self._send_away(Refusal(408, "too_slow", "the header of the request did not come in time"))
        elif spent_s > bounds.header_s:
            self.transport.close()

    def give_way(self, *, is_late: bool) -> None:
        """Ends the connection because others need its place: it was silent for long, or all others are served."""
        if is_late:
            self._send_away(Refusal(503, "busy", "the endpoint is busy; try again", _RETRY_S))
        else:
            self._send_away(Refusal(408, "too_slow", "others needed the place of this request, which was silent"))

    def _should_upgrade(self) -> bool:
        """No route is a WebSocket, which would not be watched."""
        return False

    def _hear(self) -> None:
        self.heard_at, self._heard_s = self.loop.time(), self.watch.now_s

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._entered_s = self.watch.now_s
        if phase == _HEAD:
            self._header_bytes = 0

    def _require_short_header(self) -> None:
        if self._named_bytes > self.watch.bounds.max_header_bytes:
            self._refuse_header()
            raise httptools.HttpParserError("header too large")  # the parser stops here

    def _refuse_header(self) -> None:
        limit = self.watch.bounds.max_header_bytes
        self._send_away(Refusal(431, "header_too_large", f"address and headers are more than {limit:,} bytes"))

    def _send_away(self, refusal: Refusal) -> None:
        """Says why if no answer has begun; what the client still sends is not looked at."""
        if self.transport.is_closing() or self._phase == _LEAVING:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._enter(_LEAVING)
        self.transport.write(refusal.encode(self.lineage))
        self.transport.write_eof()
        self.flow.resume_reading()


def guard_connections(bounds: Bounds, lineage: Mapping[str, str]) -> None:
    """Makes every uvicorn server that this process starts use guarded connections."""
    GuardedProtocol.watch = Watch(bounds)
    GuardedProtocol.lineage = lineage
    HTTP_PROTOCOLS["auto"] = f"{GuardedProtocol.__module__}:{GuardedProtocol.__name__}"
