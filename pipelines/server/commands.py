"""`vitrail submit`, `vitrail runs` and `vitrail logs`: what they print, and with which status they end."""

import datetime
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from pipelines.compilation import compile_pipeline
from pipelines.server.failures import ServerError
from pipelines.server.outcome import ExitStatus, Outcome, judge_run, judge_study
from pipelines.server.pipeline_server import PipelineServer
from pipelines.server.records import read_announced
from pipelines.server.tasks import pods_of_step, states_of_steps
from pipelines.server.waiting import wait_for_end
from pipelines.summary_lines import describe_summary
from pipelines.verdict_table import write_lines
from vitrail.config import require
from vitrail.contracts.runs import RunSummary
from vitrail.contracts.verdict import Verdict
from vitrail.errors import ClusterError
from vitrail.recipes import Recipe
from vitrail.steps import STEPS, STUDY_STEPS

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent
    from kfp_server_api import V2beta1Run

__all__ = ["follow", "show_logs", "show_runs", "submit"]

_WORDS = {
    ExitStatus.PROMOTED: "promoted: the model is the champion",
    ExitStatus.REJECTED: "rejected: the champion stays",
    ExitStatus.FAILED: "failed",
    ExitStatus.UNKNOWN: "unknown: the server says neither that the gate decided nor that a step failed",
}


def submit(
    server: PipelineServer,
    pipeline: "BaseComponent",
    recipe: Recipe,
    arguments: Mapping[str, str],
    *,
    name: str,
    service_account: str | None = None,
    is_study: bool = False,
) -> ExitStatus:
    """Starts a run, waits for its end and says how it ended.

    Raises:
        ConfigError: Nothing says where the cluster pulls its images from, or the run has no name.
        ClusterError: The run was not started.
    """
    prefix = recipe.cluster.image_prefix
    remedy = "name the registry that holds the images of containers/, with --image-prefix or in a recipe's JSON file"
    require(bool(prefix), "cluster.image_prefix", prefix, remedy)
    require(bool(name.strip()), "--name", name, "give the run a name that people know it by")
    run_id = _start(server, pipeline, name=name, arguments=arguments, service_account=service_account)
    _say(f"run {run_id} started: {name}")
    return follow(server, run_id, is_study=is_study)


def follow(server: PipelineServer, run_id: str, *, is_study: bool = False) -> ExitStatus:
    """Waits for the end of a run that was started, and says how it ended."""
    try:
        run = wait_for_end(server, run_id, list(STUDY_STEPS if is_study else STEPS), _say)
    except ServerError as error:
        _say(f"outcome   unknown, the run may go on: {error}")
        return ExitStatus.UNKNOWN
    outcome = judge_study(run) if is_study else judge_run(run)
    _describe(server, run, outcome, is_study=is_study)
    return outcome.status


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


def _start(server: PipelineServer, pipeline: "BaseComponent", **given: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "pipeline.yaml"
        compile_pipeline(pipeline, compiled)
        spec, *platform = yaml.load_all(compiled.read_text(encoding="utf-8"), yaml.CSafeLoader)
    whole = {"pipeline_spec": spec} | ({"platform_spec": platform[0]} if platform else {})
    return server.start_run(whole, **given)


def _describe(server: PipelineServer, run: "V2beta1Run", outcome: Outcome, *, is_study: bool) -> None:
    is_done = is_study and outcome.status == ExitStatus.PROMOTED
    _say(f"\noutcome   {'succeeded' if is_done else _WORDS[outcome.status]}")
    if outcome.message:
        _say(f"server    {outcome.message}")
    for step in outcome.failed:
        _say(f"failed    {step}; vitrail logs {run.run_id} {step}")
    if is_study:
        return
    if summary := read_announced(server, run, RunSummary):
        for name, value in describe_summary(summary).items():
            _say(f"{name:<10}{value}")
    if verdict := read_announced(server, run, Verdict):
        for line in write_lines(verdict):
            _say(line)
    if outcome.status in (ExitStatus.PROMOTED, ExitStatus.REJECTED) and not verdict:
        _say(f"details   the log of gate_model is gone: see {run.run_id}/verdict.json in the workspace")


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
