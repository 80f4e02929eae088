"""Takes a step's artifact from the store that runs share, or makes it.

An artifact's key is a digest of all that it depends on: the step's code, its part of the recipe, and the digests of
its inputs. The work folder of a training is named by what decides the training and nothing else, so that no edit of
the code loses a checkpoint.
"""

import dataclasses
import functools
import importlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import filelock

from vitrail.contracts.codec import read, write
from vitrail.contracts.files import atomic_folder, digest_json
from vitrail.contracts.runs import ArtifactManifest
from vitrail.recipes import Recipe
from vitrail.source_code import digest_source
from vitrail.steps.champion import Champion
from vitrail.steps.context import Outcome, StepContext
from vitrail.steps.declaration import Step
from vitrail.steps.launch import make_launch
from vitrail.steps.workspace import Workspace
from vitrail.training import PodSettings, identify

__all__ = ["Task", "find_key", "reuse_or_make"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A step in a run: what it is, and what it is given."""

    step: Step
    workspace: Workspace
    recipe: Recipe
    inputs: Mapping[str, ArtifactManifest]
    arguments: Mapping[str, str]
    pod: PodSettings | None

    @functools.cached_property
    def body(self) -> ModuleType:
        """The module of the step's functions."""
        return importlib.import_module(self.step.module)

    @functools.cached_property
    def champion(self) -> Champion:
        """The model that serves today."""
        return Champion(recipe=self.recipe, workspace=self.workspace.root)


def reuse_or_make(task: Task) -> tuple[ArtifactManifest, bool]:
    """The manifest of the step's artifact, and whether an earlier run has made it."""
    target = _target(task)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        for leftover in target.parent.glob(f".{target.name}.partial-*"):  # of a run that was killed
            shutil.rmtree(leftover)
        if task.step.is_reusable and (target / ArtifactManifest.FILE).exists():
            return _moved_along(read(ArtifactManifest, target), target), True
        return _make(task, target), False


def _moved_along(manifest: ArtifactManifest, target: Path) -> ArtifactManifest:
    """The manifest with the artifact's present place, when the workspace was moved since it was made."""
    own = target / manifest.step
    return dataclasses.replace(manifest, artifact=str(own.resolve())) if own.exists() else manifest


def find_key(task: Task) -> str:
    """The key of a reusable step's artifact."""
    return digest_json(
        {
            "step": task.step.name,
            "code": digest_source(task.step.module),
            "config": task.body.what_decides(task.recipe, task.champion),
            "inputs": {name: manifest.digest for name, manifest in task.inputs.items()},
            "arguments": dict(task.arguments),
        }
    )


def _target(task: Task) -> Path:
    if not task.step.is_reusable:
        return task.workspace.run_folder / "artifacts" / task.step.name
    return task.workspace.stored(task.step.name, find_key(task)[:16])


def _make(task: Task, target: Path) -> ArtifactManifest:
    work = _work_folder(task, target)
    with _alone(work):
        with atomic_folder(target) as partial:
            context = _context(task, out=partial / task.step.name, work=work)
            try:
                outcome = getattr(task.body, task.step.name)(context)
            except BaseException:
                _keep(context.out, task.workspace.failed(task.step.name))
                raise
            manifest = _manifest(task.step, target, outcome)
            write(partial, manifest)
        shutil.rmtree(work, ignore_errors=True)  # while no other run can be in it
    return manifest


def _work_folder(task: Task, target: Path) -> Path:
    if not task.step.is_training:
        return target.with_name(f"{target.name}.work")
    job = task.body.training_job(_context(task, out=target, work=target))
    return target.with_name(f"{identify(job)[:16]}.work")


def _context(task: Task, *, out: Path, work: Path) -> StepContext:
    run = task.workspace
    return StepContext(
        recipe=task.recipe,
        champion=task.champion,
        inputs={name: Path(manifest.artifact) for name, manifest in task.inputs.items()},
        arguments=dict(task.arguments),
        out=out,
        work=work,
        workspace=run.root,
        run_folder=run.run_folder,
        lineage=run.lineage(),
        launch=make_launch(task.step.name, run.run_id, task.recipe, task.pod),
    )


def _alone(place: Path) -> filelock.BaseFileLock:
    """Another run may want to make the same artifact, or to go on with the same training."""
    return filelock.FileLock(place.with_name(f".{place.name}.lock"))


def _manifest(step: Step, target: Path, outcome: Outcome) -> ArtifactManifest:
    return ArtifactManifest(
        step=step.name,
        artifact=str((outcome.artifact or target / step.name).resolve()),
        digest=outcome.digest,
        value=outcome.value,
        lineage=outcome.lineage,
    )


def _keep(written: Path, failed: Path) -> None:
    if written.exists():
        shutil.rmtree(failed, ignore_errors=True)
        failed.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(written, failed)
