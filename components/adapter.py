"""What every component's body calls: manifests in, one step, a manifest out."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from components.container_images import pulled_from
from vitrail.config.logs import LOG_PREFIX, configure_logging
from vitrail.contracts.codec import decode, load, save
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import ConfigError, VitrailError
from vitrail.recipes import Recipe
from vitrail.steps import Step, Workspace, run_step
from vitrail.training import PodSettings

__all__ = ["load_step", "pod_settings", "run"]


def load_step(name: str) -> Step:
    """The declaration of a step: in `components/<name>/step.py` when it joins a tool the library does not know."""
    outside = f"components.{name}.step"
    module = outside if importlib.util.find_spec(outside) else f"vitrail.steps.{name}"
    step: Step = importlib.import_module(module).STEP
    return step


def run(
    name: str,
    *,
    workspace: str,
    run_id: str,
    recipe: str,
    output: str,
    inputs: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    arguments: Mapping[str, str] = MappingProxyType({}),
    pod: PodSettings | None = None,
) -> ArtifactManifest:
    """Runs one step inside a KFP task.

    Args:
        name: The step.
        workspace: The workspace folder, shared by all tasks.
        run_id: The pipeline run.
        recipe: The recipe as JSON.
        output: Path of the output artifact, which becomes a manifest.
        inputs: Per input the path of its manifest and the digest that came as a parameter; they must agree,
            because the backend caches by parameters and not by content. Empty for a verdict, which only
            tasks that are never cached read.
        arguments: The step's other parameters.
        pod: What the task hands on to a TrainJob.

    Raises:
        SystemExit: The step failed; the message is on stderr and in the run's record.
    """
    configure_logging()
    try:
        manifest = run_step(
            load_step(name),
            workspace=Workspace(Path(workspace), run_id),
            recipe=decode(Recipe, json.loads(recipe), "recipe"),
            inputs={key: _checked(key, *value) for key, value in inputs.items()},
            arguments=arguments,
            pod=pod,
        )
    except (VitrailError, OSError) as error:
        sys.exit(f"{LOG_PREFIX}{name}: {error}")
    save(Path(output), manifest)
    return manifest


def pod_settings(image: str, recipe: str, task_config: object) -> PodSettings:
    """What Kubeflow Pipelines put into a task's `dsl.TaskConfig`, with the image of its stage family."""
    cluster = decode(Recipe, json.loads(recipe), "recipe").cluster
    given = {name: value for name, value in vars(task_config).items() if value}
    return PodSettings(image=pulled_from(cluster.image_prefix, image), **given)


def _checked(name: str, path: str, digest: str) -> ArtifactManifest:
    manifest = load(ArtifactManifest, Path(path))
    if digest and manifest.digest != digest:
        raise ConfigError(
            f"input {name} has the digest {manifest.digest}, the parameter says {digest}: "
            "the artifact changed behind the pipeline's cache; run the step that makes it again"
        )
    return manifest
