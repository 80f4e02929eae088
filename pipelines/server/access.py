"""Where a Kubeflow Pipelines server is, and with what it is asked: from options, the environment or the own pod.

A token comes from a variable or a file, never from the command line, where every process of a machine could read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from vitrail.config import require
from vitrail.errors import ConfigError

__all__ = [
    "HOST_VARIABLE",
    "PAGE_VARIABLE",
    "TOKEN_FILE",
    "TOKEN_FILE_VARIABLE",
    "TOKEN_VARIABLE",
    "Access",
    "find_access",
]

# Those that the client of Kubeflow Pipelines reads too; it has none for the token itself.
HOST_VARIABLE = "KF_PIPELINES_ENDPOINT"
PAGE_VARIABLE = "KF_PIPELINES_UI_ENDPOINT"
TOKEN_FILE_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105
TOKEN_FILE = Path("/var/run/secrets/kubeflow/pipelines/token")
TOKEN_VARIABLE = "KF_PIPELINES_TOKEN"  # noqa: S105

_CA_VARIABLE = "SSL_CERT_FILE"
_POD_VARIABLE = "KUBERNETES_SERVICE_HOST"
_HOST_IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"


@dataclass(frozen=True, kw_only=True)
class Access:
    """A server and what it is told of who asks.

    Attributes:
        host: Address of the API, without a slash at its end.
        namespace: Of the runs; None where an installation has no profiles.
        token: Bearer token.
        token_file: Where the token lies instead; Kubernetes replaces it from time to time.
        ca_bundle: Certificates that are trusted instead of the usual authorities.
        page_host: Address of the web page, where it is another than the API's.
    """

    host: str
    namespace: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    ca_bundle: str | None = None
    page_host: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.host)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.fragment
        require(is_address, "--host", self.host, "give an address such as http://localhost:8888, and no page's #/...")

    def page_of(self, run_id: str) -> str:
        """The address of a run's page, which shows its report."""
        return f"{(self.page_host or self.host).rstrip('/')}/#/runs/details/{run_id}"

    def read_token(self) -> str | None:
        """The token as it is now; None where there is none.

        Raises:
            ConfigError: Its file cannot be read.
        """
        if self.token is not None or self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.token_file} holds no token ({error}); set {TOKEN_VARIABLE}") from error


def find_access(host: str | None, namespace: str | None, environment: Mapping[str, str]) -> Access:
    """What the options say, completed from the environment and, inside a cluster, from the pod.

    Raises:
        ConfigError: Nothing says where the server is, or the address is none, or holds a password.
    """
    in_pod = _HOST_IN_CLUSTER if _POD_VARIABLE in environment else None
    found = host or environment.get(HOST_VARIABLE) or in_pod
    if not found:
        raise ConfigError(f"no server is named: give --host, or set {HOST_VARIABLE}")
    if "@" in urlsplit(found).netloc:
        raise ConfigError(f"the address of the server holds a user or a password: give a token in {TOKEN_VARIABLE}")
    return Access(
        host=found.rstrip("/"),
        namespace=namespace,
        token=environment.get(TOKEN_VARIABLE, "").strip() or None,
        token_file=_token_file(environment),
        ca_bundle=environment.get(_CA_VARIABLE) or None,
        page_host=environment.get(PAGE_VARIABLE) or None,
    )


def _token_file(environment: Mapping[str, str]) -> Path | None:
    if named := environment.get(TOKEN_FILE_VARIABLE):
        return Path(named)
    return TOKEN_FILE if TOKEN_FILE.exists() else None
