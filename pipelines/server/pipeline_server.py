"""A Kubeflow Pipelines server: its experiments, runs and logs."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import kfp_server_api
import urllib3
from kfp_server_api import V2beta1Run

from pipelines.server.access import Access
from pipelines.server.api import TIMEOUTS_S, Api
from pipelines.server.failures import ServerError, explain_oddity, explain_silence

__all__ = ["EXPERIMENT", "PipelineServer"]

EXPERIMENT = "vitrail"  # what `submit` starts is there, and `runs` lists it

_PAGE_SIZE = 100
_EQUALS = 1  # the number of an operation in a filter
_LOG_OF_API = "/apis/v1alpha1/runs/{run_id}/nodes/{pod}/log"
_LOG_OF_PAGE = "/k8s/pod/logs"


class PipelineServer:
    """What the command line asks of a server; every method raises ServerError with one line."""

    def __init__(self, access: Access, timeouts_s: tuple[float, float] = TIMEOUTS_S) -> None:
        self.access = access
        self._api = Api(access, timeouts_s)
        self._runs = kfp_server_api.RunServiceApi(self._api)
        self._experiments = kfp_server_api.ExperimentServiceApi(self._api)

    def start_run(
        self,
        pipeline: Mapping[str, Any],
        *,
        experiment: str,
        name: str,
        arguments: Mapping[str, str],
        service_account: str | None = None,
    ) -> str:
        """Starts a run and returns its id, which the server generates.

        Args:
            pipeline: `pipeline_spec`, and `platform_spec` if there is one.
            experiment: Id of the one it belongs to.
            name: Label that people see; nothing is looked up or stored by it.
            arguments: Values of the pipeline's parameters.
            service_account: Of the tasks' pods; None leaves it to the server.
        """
        run = V2beta1Run(
            display_name=name,
            experiment_id=experiment,
            pipeline_spec=dict(pipeline),
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=dict(arguments)),
            service_account=service_account,
        )
        try:
            with self._as_api_says():
                return self._required(self._runs.run_service_create_run(run).run_id, "a run without an id")
        except ServerError as error:
            if error.may_have_worked:
                error.args = (f"{error}; the run may have started: see `vitrail runs` before you submit again",)
            raise

    def find_run(self, run_id: str) -> V2beta1Run:
        """The run of that id, with its tasks."""
        with self._as_api_says():
            run = self._runs.run_service_get_run(run_id)
            self._required(run.run_id, "a run without an id")
            return run

    def list_runs(self) -> Iterator[V2beta1Run]:
        """The runs that `submit` started, the last first; fetched page by page."""
        experiment = self.find_experiment()
        token = "" if experiment else None
        while token is not None:
            with self._as_api_says():
                page = self._runs.run_service_list_runs(
                    experiment_id=experiment, page_token=token, page_size=_PAGE_SIZE, sort_by="created_at desc"
                )
                runs = list(page.runs or ())
            yield from runs
            token = page.next_page_token or None

    def read_log(self, run_id: str, pod: str) -> Iterator[str]:
        """The log of a run's pod, piece by piece.

        The API serves it. The server of the web page, which is what a gateway shows, passes requests on to the API
        except for logs: it reads those itself.
        """
        try:
            answer = self._request_log(_LOG_OF_API, {"run_id": run_id, "pod": pod}, [])
        except ServerError as error:
            if not error.is_absent:
                raise
            namespace = self.access.namespace or "kubeflow"
            query = [("podname", pod), ("runid", run_id), ("podnamespace", namespace)]
            answer = self._request_log(_LOG_OF_PAGE, {}, query)
        try:
            for piece in answer.stream():
                yield piece.decode(errors="replace")
        except urllib3.exceptions.HTTPError as error:
            raise explain_silence(error, self.access.host) from None
        finally:
            answer.release_conn()

    def find_experiment(self) -> str | None:
        """The id of the experiment of this project's runs; None where none was started yet."""
        predicate = {"operation": _EQUALS, "key": "display_name", "stringValue": EXPERIMENT}
        with self._as_api_says():
            found = self._experiments.experiment_service_list_experiments(
                filter=json.dumps({"predicates": [predicate]}), **self._namespace()
            )
            return found.experiments[0].experiment_id if found.experiments else None

    def create_experiment(self) -> str:
        """Makes the experiment of this project's runs and returns its id."""
        experiment = kfp_server_api.V2beta1Experiment(display_name=EXPERIMENT, **self._namespace())
        with self._as_api_says():
            made = self._experiments.experiment_service_create_experiment(experiment)
            return self._required(made.experiment_id, "an experiment without an id")

    def _namespace(self) -> dict[str, str]:
        return {"namespace": self.access.namespace} if self.access.namespace else {}

    def _request_log(self, path: str, path_params: dict[str, str], query: list[tuple[str, str]]) -> Any:
        return self._api.call_api(
            path,
            "GET",
            path_params,
            query,
            auth_settings=["Bearer"],
            _preload_content=False,
            _return_http_data_only=True,
        )

    def _required(self, value: str | None, what: str) -> str:
        if not value:
            raise explain_oddity(self.access.host, what)
        return value

    @contextlib.contextmanager
    def _as_api_says(self) -> Iterator[None]:
        """An object that is not the API's fails somewhere in the generated models."""
        try:
            yield
        except (kfp_server_api.ApiException, TypeError, ValueError) as error:
            raise explain_oddity(self.access.host, f"{type(error).__name__}: {error}") from None
