"""A stand-in for a Kubeflow Pipelines server: whatever it answers is one of the client's own models, serialised.

It refuses what is not a pipeline for Kubeflow Pipelines. It shows that the client asks and reads as the API was
generated; how a server behaves beyond that it does not show.
"""

import contextlib
import dataclasses
import datetime
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import kfp_server_api as models
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

__all__ = ["PAGE", "Answer", "StandIn", "ended_run", "serving", "started_runs", "tasks_of"]

PAGE = "<!doctype html><html><title>Log in</title><form></form></html>"
_SERIALISER = models.ApiClient(models.Configuration())
_NOW = datetime.datetime(2026, 11, 28, 9, 0, tzinfo=datetime.UTC)
_WORKFLOW = "vitrail-x7k2p"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is sent back in place of the API's answer."""

    status: int = 200
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    delay_s: float = 0.0

    @classmethod
    def error(cls, status: int, message: str) -> "Answer":
        """An error as the API reports one."""
        said = models.GoogleRpcStatus(code=status, message=message)
        return cls(status, json.dumps(_SERIALISER.sanitize_for_serialization(said)))


def tasks_of(states: dict[str, str]) -> list[models.V2beta1PipelineTaskDetail]:
    """The tasks of a run as they are read from an Argo workflow: driver, node and executor of each step."""
    details = []
    for place, (step, state) in enumerate(states.items()):
        name, driver, node, pod = step.replace("_", "-"), *(f"{place:04d}{kind}" for kind in (1, 2, 3))
        after = [f"{_WORKFLOW}-{place + 1:04d}1"] if place + 1 < len(states) else []
        details += [
            _task(f"{name}-driver", "SUCCEEDED", f"{_WORKFLOW}-system-container-driver-{driver}", [node]),
            _task(name, state, f"{_WORKFLOW}-system-container-executor-{node}", [pod]),
        ]
        if state in ("RUNNING", "SUCCEEDED", "FAILED"):
            details.append(_task("executor", state, f"{_WORKFLOW}-system-container-impl-{pod}", after))
    return details


def _task(name: str, state: str, pod: str, children: list[str]) -> models.V2beta1PipelineTaskDetail:
    below = [
        models.PipelineTaskDetailChildTask(pod_name=child if child.startswith(_WORKFLOW) else f"{_WORKFLOW}-{child}")
        for child in children
    ]
    return models.V2beta1PipelineTaskDetail(
        run_id="r", task_id="", display_name=name, state=state, pod_name=pod, start_time=_NOW, child_tasks=below
    )


def ended_run(state: str, states: dict[str, str], message: str | None = None) -> models.V2beta1Run:
    """A look at a run: its state and those of its steps."""
    return models.V2beta1Run(
        state=state,
        error=models.GoogleRpcStatus(code=13, message=message) if message else None,
        run_details=models.V2beta1RunDetails(task_details=tasks_of(states)),
    )


class StandIn(http.server.ThreadingHTTPServer):
    """Serves one experiment's runs.

    Attributes:
        looks: What the next looks at a run show; the last one stays.
        logs: By pod, or by the end of its name.
        faults: What to answer instead, by the start of `METHOD /path`.
        asked: Every request: method, path with query, authorization.
        posted: Bodies of the runs and experiments that were sent.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.experiments: list[models.V2beta1Experiment] = []
        self.runs: list[models.V2beta1Run] = []
        self.looks: list[models.V2beta1Run] = []
        self.logs: dict[str, str] = {}
        self.faults: dict[str, Answer | Callable[[], Answer | None]] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.posted: list[dict] = []
        self.serves_api_logs = True
        self.page_size = 100

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def create_run(self, body: dict) -> models.V2beta1Run:
        run = _read(models.V2beta1Run, body)
        spec = json_format.ParseDict(run.pipeline_spec["pipeline_spec"], pipeline_spec_pb2.PipelineSpec())
        assert not set(run.runtime_config.parameters) - set(spec.root.input_definitions.parameters)
        json_format.ParseDict(run.pipeline_spec["platform_spec"], pipeline_spec_pb2.PlatformSpec())
        run.run_id, run.created_at = f"3f2a0000-0000-4000-8000-{len(self.runs):012d}", _NOW
        run.state = "PENDING"
        self.runs.append(run)
        return run

    def look(self, run_id: str) -> models.V2beta1Run | None:
        known = next((run for run in self.runs if run.run_id == run_id), None)
        if known is not None and self.looks:
            seen = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
            known.state, known.error, known.run_details = seen.state, seen.error, seen.run_details
        return known

    def page(self, query: dict[str, str]) -> models.V2beta1ListRunsResponse:
        assert query["sort_by"] == "created_at desc"
        start, size = int(query.get("page_token") or 0), min(int(query["page_size"]), self.page_size)
        found = [run for run in reversed(self.runs) if run.experiment_id == query["experiment_id"]]
        rest = str(start + size) if start + size < len(found) else None
        return models.V2beta1ListRunsResponse(
            runs=found[start : start + size] or None, total_size=len(found), next_page_token=rest
        )

    def log(self, pod: str) -> Answer:
        found = next((text for end, text in self.logs.items() if pod.endswith(end)), None)
        if found is None:
            return Answer(500, json.dumps({"error_message": f"Failed to read logs from pod {pod}"}))
        return Answer(200, found, "text/plain")


class _Handler(http.server.BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.split("/")[1:]
        if self._is_faulty():
            return
        match path:
            case ["apis", "v2beta1", "experiments"]:
                wanted = json.loads(query["filter"])["predicates"][0]["stringValue"]
                found = [
                    one
                    for one in self.server.experiments
                    if one.display_name == wanted and one.namespace == query.get("namespace")
                ]
                self._send(models.V2beta1ListExperimentsResponse(experiments=found or None))
            case ["apis", "v2beta1", "runs"]:
                self._send(self.server.page(query))
            case ["apis", "v2beta1", "runs", run_id]:
                found = self.server.look(run_id)
                self._send(found or Answer.error(404, f"Run {run_id} not found"))
            case ["apis", "v1alpha1", "runs", _, "nodes", pod, "log"] if self.server.serves_api_logs:
                self._send(self.server.log(pod))
            case ["k8s", "pod", "logs"] if not self.server.serves_api_logs:
                self._send(self.server.log(query["podname"]))
            case _:
                self._send(Answer(404, PAGE, "text/html"))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._is_faulty():
            return
        self.server.posted.append(body)
        if self.path.endswith("/experiments"):
            experiment = _read(models.V2beta1Experiment, body)
            experiment.experiment_id = f"e{len(self.server.experiments)}"
            self.server.experiments.append(experiment)
            self._send(experiment)
        else:
            self._send(self.server.create_run(body))

    def _is_faulty(self) -> bool:
        self.server.asked.append((self.command, self.path, self.headers["Authorization"]))
        for start, fault in self.server.faults.items():
            if f"{self.command} {self.path}".startswith(start):
                answer = fault if isinstance(fault, Answer) else fault()
                if answer is not None:
                    self._send(answer)
                    return True
        return False

    def _send(self, what: object) -> None:
        if not isinstance(what, Answer):
            what = Answer(200, json.dumps(_SERIALISER.sanitize_for_serialization(what)))
        time.sleep(what.delay_s)
        data = what.body.encode()
        with contextlib.suppress(ConnectionError):  # whoever asked has gone
            self.send_response(what.status)
            for name, value in {"Content-Type": what.content_type, **what.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


def started_runs(server: StandIn, number: int) -> None:
    """Lets a server have runs that have ended, in the experiment of this project's runs."""
    server.experiments = [models.V2beta1Experiment(display_name="vitrail", experiment_id="e0")]
    for place in range(number):
        run_id = f"3f2a0000-0000-4000-8000-{place:012d}"
        run = models.V2beta1Run(run_id=run_id, display_name=f"nightly-{place}", experiment_id="e0")
        run.state, run.created_at = "SUCCEEDED", _NOW
        server.runs.append(run)


@contextlib.contextmanager
def serving(server: StandIn) -> Iterator[StandIn]:
    """Answers in a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Received:
    """A body in the form that the generated client reads."""

    def __init__(self, body: dict) -> None:
        self.data = json.dumps(body)


def _read(kind: type, body: dict) -> object:
    return _SERIALISER.deserialize(_Received(body), kind.__name__)
