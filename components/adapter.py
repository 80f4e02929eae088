"""What every component's body calls: manifests in, one step, a manifest out."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.announcements import announce
from components.trainjob_nodes import pod_settings
from vitrail.config.logs import LOG_PREFIX, configure_logging
from vitrail.contracts.codec import load, read, save
from vitrail.contracts.runs import ArtifactManifest
from vitrail.errors import VitrailError
from vitrail.recipes.sections import decode_sections
from vitrail.steps import Step, Workspace, find_step, run_step

__all__ = ["run_task"]


def run_task(name: str, given: Mapping[str, Any]) -> str:
    """Runs one step inside a KFP task.

    Args:
        name: The step.
        given: What its component was given, by the names of its parameters. Of the artifact that it makes they get a
            manifest, and the files that the step shows as far as there are any.

    Returns:
        What the graph branches on; of a step that decides nothing, the digest of its artifact.

    Raises:
        SystemExit: The step failed; the message is on stderr and in the run's record.
    """
    configure_logging()
    step = find_step(name)
    try:
        manifest = _run(step, given)
    except (VitrailError, OSError) as error:
        sys.exit(f"{LOG_PREFIX}{name}: {error}")
    if step.makes not in step.shows:
        save(Path(given[step.makes].path), manifest)
    for output, file in step.shows.items():
        if (shown := Path(manifest.artifact) / file).exists():
            shutil.copyfile(shown, given[output].path)
    if step.announces:
        sys.stdout.write(announce(read(step.announces, Path(manifest.artifact))) + "\n")
    return manifest.value or manifest.digest


def _run(step: Step, given: Mapping[str, Any]) -> ArtifactManifest:
    recipe = decode_sections(json.loads(given["recipe"]), step.sections)
    return run_step(
        step,
        workspace=Workspace(Path(given["workspace"]), given["run_id"]),
        recipe=recipe,
        inputs={key: load(ArtifactManifest, Path(given[key].path)) for key in step.inputs},
        arguments={key: given[key] for key in step.arguments},
        pod=pod_settings(step, recipe.cluster, given["task_config"]) if step.is_training else None,
    )
