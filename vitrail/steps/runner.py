"""Runs one step: reuses or makes its artifact, and keeps the record whatever happens."""

import dataclasses
import datetime
import logging
import os
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

from vitrail.contracts.files import replace_link
from vitrail.contracts.runs import ArtifactManifest, StepRecord
from vitrail.errors import ConfigError, VitrailError
from vitrail.recipes import Recipe
from vitrail.recipes.sections import is_whole, take_sections
from vitrail.steps.declaration import Step
from vitrail.steps.reuse import Task, reuse_or_make
from vitrail.steps.workspace import Workspace
from vitrail.training import PodSettings

__all__ = ["run_step"]

_log = logging.getLogger(__name__)


def run_step(
    step: Step,
    *,
    workspace: Workspace,
    recipe: Recipe,
    inputs: Mapping[str, ArtifactManifest],
    arguments: Mapping[str, str],
    pod: PodSettings | None = None,
) -> ArtifactManifest:
    """Runs `step` for the run of `workspace`, or reuses what an earlier run made from the same inputs.

    Args:
        step: A row of the table of steps.
        workspace: The run.
        recipe: The sections that the step takes, or more; with the whole recipe the run is begun.
        inputs: The manifests of what it takes.
        arguments: Its parameters that are not artifacts.
        pod: What the task's pod was given, to hand on to a TrainJob; None outside a pipeline.

    Raises:
        VitrailError: The step failed for a reason a user can act on; the run's record holds it too.
    """
    _check_names(step, inputs, arguments)
    if is_whole(recipe):
        workspace.begin(recipe)
    taken = take_sections(recipe, step.sections)
    task = Task(step=step, workspace=workspace, recipe=taken, inputs=inputs, arguments=arguments, pod=pod)
    started = time.perf_counter()
    record = StepRecord(
        step=step.name,
        status="running",
        started_at=datetime.datetime.now(datetime.UTC).isoformat(),
        seconds=0.0,
        is_reused=False,
        artifact=None,
        digest=None,
    )
    workspace.write(record)
    try:
        manifest, is_reused = reuse_or_make(task)
    except BaseException as error:
        record = dataclasses.replace(
            record,
            status="failed",
            seconds=time.perf_counter() - started,
            artifact=_existing(workspace.failed(step.name)),
            error=_describe(error),
        )
        workspace.write(record)
        raise
    record = dataclasses.replace(
        record,
        status="succeeded",
        seconds=time.perf_counter() - started,
        is_reused=is_reused,
        artifact=manifest.artifact,
        digest=manifest.digest,
        value=manifest.value,
        lineage=manifest.lineage,
    )
    workspace.write(record)
    _link(workspace.run_folder / step.makes, Path(manifest.artifact))
    _log.info("%s %s in %.1f s", step.name, "reused" if is_reused else "done", record.seconds)
    return manifest


def _check_names(step: Step, inputs: Mapping[str, ArtifactManifest], arguments: Mapping[str, str]) -> None:
    for kind, expected, given in (("input", step.inputs, inputs), ("argument", step.arguments, arguments)):
        if set(expected) != set(given):
            raise ConfigError(
                f"{step.name} takes the {kind}s {', '.join(expected) or 'none'}, got {', '.join(given) or 'none'}"
            )


def _link(link: Path, artifact: Path) -> None:
    """Shows an artifact in the run folder by its name; the link is relative, since a workspace can be moved."""
    replace_link(link, os.path.relpath(artifact, link.parent.resolve()))


def _existing(path: Path) -> str | None:
    return str(path.resolve()) if path.exists() else None


def _describe(error: BaseException) -> str:
    if isinstance(error, VitrailError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception_only(error)).strip()
