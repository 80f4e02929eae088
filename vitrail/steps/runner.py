"""Runs one step: finds its inputs, reuses or makes its artifact, and keeps the record whatever happens."""

import dataclasses
import datetime
import logging
import os
import shutil
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

import filelock

from vitrail.contracts.codec import read, write
from vitrail.contracts.files import atomic_folder, digest_json, replace_link
from vitrail.contracts.runs import ArtifactManifest, StepRecord
from vitrail.errors import ConfigError, VitrailError
from vitrail.recipes import Recipe
from vitrail.steps.artifacts import ARTIFACTS
from vitrail.steps.context import Outcome, Step, StepContext
from vitrail.steps.workspace import Workspace, code_digest
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

    Raises:
        VitrailError: The step failed for a reason a user can act on; the run's record holds it too.
    """
    _check_names(step, inputs, arguments)
    workspace.begin(recipe)
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
        manifest, is_reused = _reuse_or_make(step, workspace, recipe, inputs, arguments, pod)
    except BaseException as error:
        record = dataclasses.replace(
            record,
            status="failed",
            seconds=time.perf_counter() - started,
            artifact=_existing(workspace.run_folder / "failed" / step.name),
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
    _link(workspace.run_folder / ARTIFACTS[step.name], Path(manifest.artifact))
    _log.info("%s %s in %.1f s", step.name, "reused" if is_reused else "done", record.seconds)
    return manifest


def _check_names(step: Step, inputs: Mapping[str, ArtifactManifest], arguments: Mapping[str, str]) -> None:
    for kind, expected, given in (("input", step.inputs, inputs), ("argument", step.arguments, arguments)):
        if set(expected) != set(given):
            raise ConfigError(
                f"{step.name} takes the {kind}s {', '.join(expected) or 'none'}, got {', '.join(given) or 'none'}"
            )


def _reuse_or_make(
    step: Step,
    workspace: Workspace,
    recipe: Recipe,
    inputs: Mapping[str, ArtifactManifest],
    arguments: Mapping[str, str],
    pod: PodSettings | None,
) -> tuple[ArtifactManifest, bool]:
    target = _target(step, workspace, recipe, inputs, arguments)
    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(target.with_name(f".{target.name}.lock")):  # another run may want the same artifact
        for leftover in target.parent.glob(f".{target.name}.partial-*"):  # of a run that was killed
            shutil.rmtree(leftover)
        return _find_or_make(step, workspace, recipe, inputs, arguments, pod, target)


def _find_or_make(
    step: Step,
    workspace: Workspace,
    recipe: Recipe,
    inputs: Mapping[str, ArtifactManifest],
    arguments: Mapping[str, str],
    pod: PodSettings | None,
    target: Path,
) -> tuple[ArtifactManifest, bool]:
    if step.is_reusable and (target / ArtifactManifest.FILE).exists():
        return read(ArtifactManifest, target), True
    work = target.with_name(f"{target.name}.work")
    with atomic_folder(target) as partial:
        context = StepContext(
            recipe=recipe,
            inputs={name: Path(manifest.artifact) for name, manifest in inputs.items()},
            arguments=dict(arguments),
            out=partial / step.name,
            work=work,
            workspace=workspace.root,
            run_folder=workspace.run_folder,
            lineage=workspace.lineage(),
            pod=pod,
        )
        try:
            outcome = step.function(context)
        except BaseException:
            _keep(context.out, workspace.run_folder / "failed" / step.name)
            raise
        manifest = _manifest(step, target, outcome)
        write(partial, manifest)
    shutil.rmtree(work, ignore_errors=True)
    return manifest, False


def _target(
    step: Step,
    workspace: Workspace,
    recipe: Recipe,
    inputs: Mapping[str, ArtifactManifest],
    arguments: Mapping[str, str],
) -> Path:
    if not step.is_reusable:
        return workspace.run_folder / "artifacts" / step.name
    key = digest_json(
        {
            "step": step.name,
            "code": code_digest(),
            "config": step.config(recipe),
            "inputs": {name: manifest.digest for name, manifest in inputs.items()},
            "arguments": dict(arguments),
        }
    )
    return workspace.stored(step.name, key[:16])


def _manifest(step: Step, target: Path, outcome: Outcome) -> ArtifactManifest:
    return ArtifactManifest(
        step=step.name,
        artifact=str((outcome.artifact or target / step.name).resolve()),
        digest=outcome.digest,
        value=outcome.value,
        lineage=outcome.lineage,
    )


def _link(link: Path, artifact: Path) -> None:
    """So that the run folder shows every artifact by name; relative, so that a workspace can be moved."""
    replace_link(link, os.path.relpath(artifact, link.parent.resolve()))


def _keep(written: Path, failed: Path) -> None:
    if written.exists():
        shutil.rmtree(failed, ignore_errors=True)
        failed.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(written, failed)


def _existing(path: Path) -> str | None:
    return str(path.resolve()) if path.exists() else None


def _describe(error: BaseException) -> str:
    if isinstance(error, VitrailError):
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception_only(error)).strip()
