"""The client that Kubeflow Pipelines generates for its API, bounded in time and with errors in one line.

`kfp.Client` is not used: it asks for the server's health up to five times before it does anything, prints each
failure with its traceback, waits without bounds for an answer and repeats each request three times.
"""

import json
from typing import Any

import kfp_server_api
import urllib3

from pipelines.server.access import Access
from pipelines.server.failures import (
    ServerError,
    explain_answer,
    explain_oddity,
    explain_page,
    explain_silence,
    explain_tls,
)

__all__ = ["TIMEOUTS_S", "Api"]

TIMEOUTS_S = (3.0, 10.0)  # for the connection, and between two pieces of an answer


class Api(kfp_server_api.ApiClient):
    """Sends each request once, and raises ServerError for whatever is not the answer."""

    def __init__(self, access: Access, timeouts_s: tuple[float, float] = TIMEOUTS_S) -> None:
        self.access = access
        self._timeouts_s = timeouts_s
        configuration = kfp_server_api.Configuration(host=access.host)
        configuration.retries = False
        configuration.ssl_ca_cert = access.ca_bundle
        if access.read_token():
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.refresh_api_key_hook = self._read_token
            self._read_token(configuration)
        super().__init__(configuration)

    def _read_token(self, configuration: kfp_server_api.Configuration) -> None:
        configuration.api_key["authorization"] = self.access.read_token()

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Sends one request; a JSON object is what comes back, unless the caller reads the answer itself."""
        options["_request_timeout"] = self._timeouts_s
        try:
            answer = super().request(method, url, **options)
        except kfp_server_api.ApiException as error:
            raise self._discreet(self._explain(error)) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._discreet(explain_silence(error, self.access.host)) from None
        if options.get("_preload_content", True):
            self._require_object(answer.data, answer.getheader("content-type") or "")
        return answer

    def _explain(self, error: kfp_server_api.ApiException) -> ServerError:
        if error.status == 0:  # its own sign for a failure of TLS
            return explain_tls(str(error.reason), self.access.host)
        return explain_answer(error.status, error.body or b"", self.access)

    def _require_object(self, body: bytes, content_type: str) -> None:
        try:
            found = type(json.loads(body)).__name__
        except ValueError:
            is_page = "html" in content_type or body.lstrip()[:1] == b"<"
            oddity = explain_oddity(self.access.host, f"no JSON, but {content_type or 'something without a type'}")
            raise explain_page(self.access.host) if is_page else oddity from None
        if found != "dict":
            raise explain_oddity(self.access.host, f"{found} in place of an object")

    def _discreet(self, error: ServerError) -> ServerError:
        """The error without the token, should a server repeat it."""
        if token := self.access.read_token():
            error.args = (str(error).replace(token, "..."),)
        return error
