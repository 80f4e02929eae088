"""Whatever keeps a server from answering is one line: what happened, where, and what to do; within seconds."""

import datetime
import ipaddress
import os
import socket
import ssl
import subprocess
import sys
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from builders import REPOSITORY
from builders.pipeline_servers import PAGE, Answer, StandIn, serving
from pipelines.server.access import Access
from pipelines.server.failures import ServerError
from pipelines.server.pipeline_server import PipelineServer

QUICK = (0.5, 0.5)


@pytest.fixture
def server():
    with serving(StandIn()) as running:
        yield running


def refusal(host, **access):
    """What `find_run` says, and that it says it in a line and soon."""
    begun = time.monotonic()
    with pytest.raises(ServerError) as refused:
        PipelineServer(Access(host=host, **access), QUICK).find_run("3f2a")
    assert time.monotonic() - begun < 5
    said = str(refused.value)
    assert "\n" not in said
    assert host in said
    return said, refused.value.may_pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_refused():
    said, may_pass = refusal(f"http://127.0.0.1:{free_port()}")
    assert "refuses the connection: nothing listens there; correct --host (" in said
    assert may_pass


def test_unknown_host():
    said, may_pass = refusal("http://kfp.invalid:8888")
    assert "no machine has the name in" in said
    assert may_pass


def test_no_answer_in_time(server):
    server.faults["GET"] = Answer(delay_s=2)
    said, may_pass = refusal(server.host)
    assert "took the request and did not answer in time; try again, and see the log of ml-pipeline" in said
    assert may_pass


def test_a_connection_that_is_broken_off():
    code = (
        "import socket; listening = socket.create_server(('127.0.0.1', 0))\n"
        "print(listening.getsockname()[1], flush=True); listening.accept()[0].close()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        said, may_pass = refusal(f"http://127.0.0.1:{other.stdout.readline().strip()}")
    assert "broke the connection off (" in said
    assert may_pass


@pytest.mark.parametrize(
    ("status", "said", "remedy", "may_pass"),
    [
        (400, "refuses the request (400: it says why)", "correct what it names", False),
        (401, "does not accept nobody without a token (401: it says why)", "set KF_PIPELINES_TOKEN", False),
        (403, "does not allow this (403: it says why)", "the role kubeflow-edit in the namespace that --name", False),
        (404, "knows nothing of the kind (404: it says why)", "see `vitrail runs`", False),
        (429, "failed (429: it says why)", "try again", True),
        (500, "failed (500: it says why)", "see the log of ml-pipeline", True),
        (503, "failed (503: it says why)", "try again", True),
    ],
)
def test_an_error_of_the_api(server, status, said, remedy, may_pass):
    server.faults["GET"] = Answer.error(status, "it\nsays why")
    line, passes = refusal(server.host)
    assert f"{server.host} {said}; " in line
    assert remedy in line.partition("; ")[2]
    assert passes == may_pass


def test_an_error_is_told_apart_by_what_was_given(server):
    server.faults["GET"] = Answer.error(401, "no")
    assert "does not accept the token (401: no)" in refusal(server.host, token="s3cret")[0]
    server.faults["GET"] = Answer.error(403, "no")
    assert "the role kubeflow-edit in namespace team-a," in refusal(server.host, namespace="team-a")[0]


@pytest.mark.parametrize("status", [500, 404, 401])
def test_an_error_page_of_a_gateway_is_not_repeated(server, status):
    server.faults["GET"] = Answer(status, PAGE * 100, "text/html")
    said, _ = refusal(server.host)
    assert "<" not in said
    assert f"({status})" in said


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, PAGE, "text/html; charset=utf-8"),
        Answer(200, PAGE, "text/plain"),
        Answer(302, "", "text/html", {"Location": "/dex/auth"}),
    ],
    ids=["page", "page without its type", "redirection"],
)
def test_a_login_page(server, answer):
    server.faults["GET"] = answer
    said, may_pass = refusal(server.host)
    assert "answers with a web page, as a login does, instead of JSON; set KF_PIPELINES_TOKEN" in said
    assert not may_pass


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("nonsense", "no JSON, but application/json"),
        ("[]", "list in place of an object"),
        ("{}", "a run without an id"),
        ('{"run_id": "3f2a", "created_at": "soon"}', "Failed to parse `soon`"),
        ('{"run_id": "3f2a", "state_history": 3}', "TypeError"),
    ],
)
def test_json_that_is_not_the_apis(server, body, said):
    server.faults["GET"] = Answer(200, body)
    line, may_pass = refusal(server.host)
    assert "does not answer as the API of Kubeflow Pipelines 2 does (" in line
    assert said in line
    assert not may_pass


def test_tls_that_is_none(server):
    said, _ = refusal(server.host.replace("http:", "https:"))
    assert "does not speak TLS; give --host with http://" in said


def test_a_certificate_that_nobody_knows_and_one_that_is_told(server, tmp_path):
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(self_signed())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host = server.host.replace("http:", "https:")
    said, _ = refusal(host)
    assert "its certificate is not accepted (self-signed certificate); set SSL_CERT_FILE to" in said
    assert "knows nothing of the kind (404" in refusal(host, ca_bundle=str(certificate))[0]


def self_signed():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return private + made.public_bytes(serialization.Encoding.PEM)


def test_the_command_says_one_line_and_ends_with_1():
    """As users type it, in a process of its own: no traceback, no retries, nothing of the client's own."""
    host = f"http://127.0.0.1:{free_port()}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KF_PIPELINES")}
    begun = time.monotonic()
    command = ["submit", "--recipe", "debug", "--image-prefix", "host:5000/team", "--host", host]
    done = subprocess.run(
        [sys.executable, "-m", "vitrail.cli", *command],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    print(f"{time.monotonic() - begun:.1f} s with the start of Python")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"vitrail submit: {host} refuses the connection: nothing listens there; correct --host (")


def test_a_run_that_may_have_started_is_said_to(server):
    """No answer to the request that starts it: submitting again blindly could train twice."""
    server.faults["POST /apis/v2beta1/runs"] = Answer(delay_s=2)
    with pytest.raises(ServerError, match="the run may have started: see `vitrail runs` before you submit again"):
        start(server)
    server.faults["POST /apis/v2beta1/runs"] = Answer.error(400, "no such parameter")
    with pytest.raises(ServerError, match="no such parameter") as refused:
        start(server)
    assert "may have started" not in str(refused.value)


def start(server):
    return PipelineServer(Access(host=server.host), QUICK).start_run({}, experiment="e0", name="mine", arguments={})
