"""`vitrail submit`, `vitrail runs` and `vitrail logs`: what they print, and with which status they end."""

import datetime
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.compilation import compile_pipeline
from pipelines.server.ending import Ending, read_ending, unknown_ending
from pipelines.server.failures import ServerError
from pipelines.server.outcome import ExitStatus
from pipelines.server.pipeline_server import PipelineServer
from pipelines.server.tasks import pods_of_step, states_of_steps
from pipelines.server.waiting import wait_for_end
from vitrail.config import require
from vitrail.errors import ClusterError
from vitrail.recipes import Recipe
from vitrail.steps import STEPS, STUDY_STEPS

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

__all__ = ["follow", "show_logs", "show_runs", "submit"]


def submit(
    server: PipelineServer,
    pipeline: "BaseComponent",
    recipe: Recipe,
    arguments: Mapping[str, str],
    *,
    name: str,
    service_account: str | None = None,
    is_study: bool = False,
    comment: Path | None = None,
) -> ExitStatus:
    """Starts a run, waits for its end and says how it ended, in a comment in Markdown too if one is wanted.

    Raises:
        ConfigError: Nothing says where the cluster pulls its images from, or the run has no name.
        ClusterError: The run was not started.
    """
    prefix = recipe.cluster.image_prefix
    remedy = "name the registry that holds the images of containers/, with --image-prefix or in a recipe's JSON file"
    require(bool(prefix), "cluster.image_prefix", prefix, remedy)
    require(bool(name.strip()), "--name", name, "give the run a name that people know it by")
    if comment:
        comment.unlink(missing_ok=True)  # what is there speaks of another run
    experiment = server.find_experiment() or server.create_experiment()  # a refusal comes before the compilation
    run_id = server.start_run(
        _compile(pipeline),
        experiment=experiment,
        name=name,
        arguments=arguments,
        service_account=service_account,
    )
    _say(f"run {run_id} started: {name}")
    _say(f"page {server.access.page_of(run_id)}")
    ending = follow(server, run_id, is_study=is_study)
    if comment:
        comment.parent.mkdir(parents=True, exist_ok=True)
        comment.write_text(ending.comment(name, server.access.page_of(run_id)), encoding="utf-8")
    return ending.outcome.status


def follow(server: PipelineServer, run_id: str, *, is_study: bool = False) -> Ending:
    """Waits for the end of a run that was started, and says how it ended."""
    try:
        run = wait_for_end(server, run_id, list(STUDY_STEPS if is_study else STEPS), _say)
        ending = read_ending(server, run, is_study=is_study)
    except ServerError as error:
        ending = unknown_ending(run_id, str(error))
    _say("")
    for line in ending.lines():
        _say(line)
    return ending


def show_runs(server: PipelineServer) -> int:
    """Prints a line for each run that was submitted, the last first."""
    for run in server.list_runs():
        started = run.created_at.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M") if run.created_at else "-"
        _say(f"{run.run_id}  {started:<16}  {(run.state or 'unknown').lower():<9}  {run.display_name}")
    return 0


def show_logs(server: PipelineServer, run_id: str, step: str | None) -> int:
    """Prints the logs of a step, or of all steps one after the other.

    Raises:
        ClusterError: There is no such run, the step did not start, or its log is gone.
    """
    run = server.find_run(run_id)
    steps = [step] if step else list(states_of_steps(run, STEPS | STUDY_STEPS))
    pods = [(name, pod) for name in steps for pod in pods_of_step(run, name)]
    if not pods:
        raise ClusterError(f"run {run_id} has no pod of {step or 'any step'} yet; see `vitrail runs` for its state")
    for name, pod in pods:
        _say(f"--- {name} ({pod})")
        _copy_log(server, run_id, name, pod)
    return 0


def _compile(pipeline: "BaseComponent") -> dict[str, Any]:
    """A pipeline in the form that the API takes."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "pipeline.yaml"
        compile_pipeline(pipeline, compiled)
        spec, *platform = yaml.load_all(compiled.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return {"pipeline_spec": spec} | ({"platform_spec": platform[0]} if platform else {})


def _copy_log(server: PipelineServer, run_id: str, step: str, pod: str) -> None:
    end = "\n"
    try:
        for piece in server.read_log(run_id, pod):
            sys.stdout.write(piece)
            end = piece[-1:]
    except ServerError as error:
        gone = f"the pod is gone and its log was not archived, or {error}"
        where = f"{run_id}/steps/{step}.json in the workspace says how the step ended"
        raise ClusterError(f"no log of {step}: {gone}; {where}") from None
    if end != "\n":
        _say("")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
