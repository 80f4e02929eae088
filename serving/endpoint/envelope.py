"""What every response has in common, whoever made it: lineage in the headers, and one shape of errors."""

import http
import json
import logging
from collections.abc import Mapping, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .refusals import PROBLEM_TYPE

__all__ = ["Envelope"]

_log = logging.getLogger("vitrail.endpoint")


class Envelope:
    """An ASGI middleware.

    Responses from 400 on that come from the frameworks get the shape of a Refusal too: `error`, `code` and
    `lineage`. An exception that nobody caught is logged and becomes such a 500.

    Args:
        app: What answers.
        lineage: Of the model that answers.
        headers: For every response.
    """

    def __init__(self, app: ASGIApp, lineage: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self.app = app
        self.lineage = lineage
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(self, send)
        try:
            await self.app(scope, receive, answer.send)
        except Exception:
            if answer.has_started:
                raise
            _log.exception("%s %s", scope["method"], scope["path"])
            await answer.send({"type": "http.response.start", "status": 500, "headers": []})
            await answer.send({"type": "http.response.body", "body": b""})


class _Answer:
    """One response on its way out; the body of an error is held back until it is whole."""

    def __init__(self, envelope: Envelope, send: Send) -> None:
        self._envelope = envelope
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self.has_started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message.setdefault("headers", [])).update(self._envelope.headers)
            self.has_started = True
            if message["status"] >= http.HTTPStatus.BAD_REQUEST:
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body"):
                return
            message["body"] = self._shape(self._start)
            await self._send(self._start)
            self._start = None
        await self._send(message)

    def _shape(self, start: MutableMapping[str, Any]) -> bytes:
        content = self._own_error(start) or _framework_error(start["status"])
        body = json.dumps(content | {"lineage": dict(self._envelope.lineage)}).encode()
        headers = MutableHeaders(raw=start["headers"])
        headers["content-type"] = PROBLEM_TYPE
        headers["content-length"] = str(len(body))
        return body

    def _own_error(self, start: MutableMapping[str, Any]) -> dict[str, Any] | None:
        is_own = Headers(raw=start["headers"]).get("content-type") == PROBLEM_TYPE
        return json.loads(self._body) if is_own else None


def _framework_error(status: int) -> dict[str, Any]:
    """What a status says by itself."""
    try:
        known = http.HTTPStatus(status)
    except ValueError:
        return {"error": f"status {status}", "code": "error"}
    reason = known.description or known.phrase
    return {"error": reason, "code": known.phrase.lower().replace(" ", "_").replace("-", "_")}
