"""What a server's refusal or silence means: what happened, where, and what to do about it, in one line."""

import json
import re
from typing import Any

from urllib3 import exceptions

from pipelines.server.access import TOKEN_VARIABLE, Access
from vitrail.errors import ClusterError

__all__ = ["ServerError", "explain_answer", "explain_oddity", "explain_page", "explain_silence", "explain_tls"]

_LONGEST_MESSAGE = 300
_FORWARD = (
    "inside a cluster it is http://ml-pipeline.kubeflow:8888, "
    "outside `kubectl port-forward -n kubeflow svc/ml-pipeline 8888`"
)
_TRY_AGAIN = "try again, and see the log of ml-pipeline"
_LOGIN = (
    f"set {TOKEN_VARIABLE} to a token that the login accepts, or take the address of the API itself instead of the "
    f"page's ({_FORWARD} and --host http://localhost:8888)"
)


class ServerError(ClusterError):
    """A request that came to nothing.

    Attributes:
        may_pass: The server is away or busy: asking again later can help.
        may_have_worked: What was asked for can have been done all the same.
        is_absent: It says that there is no such thing, or shows a page instead.
    """

    def __init__(
        self, message: str, *, may_pass: bool = False, may_have_worked: bool = False, is_absent: bool = False
    ) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        self.may_have_worked = may_have_worked
        self.is_absent = is_absent


def explain_silence(error: exceptions.HTTPError, host: str) -> ServerError:
    """Why no answer came."""
    reason = _one_line(str(error))
    match error:
        case exceptions.NameResolutionError():
            said = f"no machine has the name in {host}; correct --host ({_FORWARD})"
        case exceptions.NewConnectionError() if "refused" in reason:
            said = f"{host} refuses the connection: nothing listens there; correct --host ({_FORWARD})"
        case exceptions.ConnectTimeoutError():  # and what else keeps a connection from being made
            said = f"{host} cannot be reached ({reason}); check --host, network and firewall"
        case exceptions.ReadTimeoutError():
            said = f"{host} took the request and did not answer in time; {_TRY_AGAIN}"
        case _:
            said = f"{host} broke the connection off ({reason}); {_TRY_AGAIN}"
    was_sent = not isinstance(error, exceptions.ConnectTimeoutError)  # the kind of all that went wrong before
    return ServerError(said, may_pass=True, may_have_worked=was_sent)


def explain_tls(reason: str, host: str) -> ServerError:
    """Why no encrypted connection came about."""
    if "WRONG_VERSION_NUMBER" in reason or "HTTP_REQUEST" in reason or "RECORD_LAYER" in reason:
        return ServerError(f"{host} does not speak TLS; give --host with http://")
    why = re.search(r"certificate verify failed: ([^(]+)", reason)
    said = f"its certificate is not accepted ({why.group(1).strip()})" if why else _one_line(reason)
    return ServerError(f"{host}: {said}; set SSL_CERT_FILE to the certificates of who signed it, or correct --host")


def explain_answer(status: int, body: bytes, access: Access) -> ServerError:
    """Why an answer other than 2xx was given."""
    host, said = access.host, _message(body)
    if 300 <= status < 400:
        return explain_page(host)
    if status == 401:
        token = "the token" if access.read_token() else "nobody without a token"
        return ServerError(f"{host} does not accept {token} (401{said}); set {TOKEN_VARIABLE} to a valid token")
    if status == 403:
        where = f"namespace {access.namespace}" if access.namespace else "the namespace that --namespace names"
        remedy = f"give who asks the role kubeflow-edit in {where}, or correct --namespace or the token"
        return ServerError(f"{host} does not allow this (403{said}); {remedy}")
    if status == 404:
        remedy = "see `vitrail runs` for what there is, or correct the path in --host"
        return ServerError(f"{host} knows nothing of the kind (404{said}); {remedy}", is_absent=True)
    if status >= 500 or status == 429:
        return ServerError(
            f"{host} failed ({status}{said}); {_TRY_AGAIN}", may_pass=True, may_have_worked=status >= 500
        )
    return ServerError(f"{host} refuses the request ({status}{said}); correct what it names")


def explain_page(host: str) -> ServerError:
    """What it means that a web page came instead of JSON."""
    return ServerError(f"{host} answers with a web page, as a login does, instead of JSON; {_LOGIN}", is_absent=True)


def explain_oddity(host: str, what: str) -> ServerError:
    """What it means that JSON came which is not the API's."""
    said = f"{host} does not answer as the API of Kubeflow Pipelines 2 does ({_one_line(what)})"
    return ServerError(f"{said}; correct --host ({_FORWARD})")


def _message(body: bytes) -> str:
    """What the server says, as `: text`; nothing for what is not its own JSON."""
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    text = next((answer[key] for key in ("message", "error_message", "error") if isinstance(answer.get(key), str)), "")
    return f": {_one_line(text)}" if text else ""


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_MESSAGE else line[:_LONGEST_MESSAGE] + " ..."
