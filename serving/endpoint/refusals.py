"""Refusals: why a request is not answered, in one shape for every route."""

import http
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["PROBLEM_TYPE", "Refusal", "respond_refusal"]

PROBLEM_TYPE = "application/problem+json"


class Refusal(Exception):  # noqa: N818
    """A request that is not answered.

    Args:
        status: An HTTP status of 400 or above.
        code: What was wrong, as a name that programs can compare.
        reason: What was wrong and how to mend it, for people.
        retry_after_s: When to try again, where that helps.
    """

    def __init__(self, status: int, code: str, reason: str, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason
        self.retry_after_s = retry_after_s

    def to_response(self) -> Response:
        """As JSON; the lineage is added to whatever leaves the service (envelope.py)."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        content = json.dumps({"error": self.reason, "code": self.code})
        return Response(content, self.status, headers, PROBLEM_TYPE)

    def encode(self, lineage: Mapping[str, str]) -> bytes:
        """As the bytes of a whole HTTP response, for where no framework writes it; the connection ends with it."""
        content = json.dumps({"error": self.reason, "code": self.code, "lineage": dict(lineage)})
        retry = [] if self.retry_after_s is None else [f"retry-after: {self.retry_after_s}"]
        fields = [f"content-type: {PROBLEM_TYPE}", f"content-length: {len(content)}", "connection: close", *retry]
        status = f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}"
        return "\r\n".join([status, *fields, "", content]).encode()


async def respond_refusal(_: Request, error: Exception) -> Response:
    """Starlette's handler for a Refusal that a route raises."""
    assert isinstance(error, Refusal)  # noqa: S101 - the table of handlers says so
    return error.to_response()
