"""What processes on this machine, containers and Kubeflow do not do alike: each rule yields it and its remedy.

What diverges was found with kfp 2.17.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pipelines.lint.compiled_graph import CompiledTask

__all__ = ["GROUP_DIVERGENCES", "TASK_DIVERGENCES"]

_COMPARED = re.compile(r"(?:==|!=)\s*(?P<literal>'.*?'(?=\s*(?:&&|\|\||\)|$))|\S+)")
_PLAIN = re.compile(r"'[\w .:-]*'|-?\d+(\.\d+)?|true|false")
_INSTALLING = re.compile(r"\bpip3? install\b|-m pip\b")


def importers(task: CompiledTask) -> Iterator[str]:
    """Locally an importer returns what it first saw of a file, whatever the file holds now."""
    if "importer" in task.executor:
        yield "an importer keeps what it first saw of a file; resolve it in a step that takes its digest"


def containers(task: CompiledTask) -> Iterator[str]:
    """Processes on this machine run Python components only."""
    if task.container and not task.is_calling_python:
        yield "a container component does not run as a process; make it a step of the table"


def installs(task: CompiledTask) -> Iterator[str]:
    """A task that installs packages has others than those that the tests had, and needs a network."""
    if _INSTALLING.search(json.dumps(task.container.get("command", []))):
        yield "it installs packages when it starts; put them into its image (install_kfp_package=False)"


def structures(task: CompiledTask) -> Iterator[str]:
    """Integers inside of dictionaries and lists arrive as floats on some executors."""
    for direction in ("inputDefinitions", "outputDefinitions"):
        for name, parameter in task.component.get(direction, {}).get("parameters", {}).items():
            if (kind := parameter.get("parameterType")) in ("STRUCT", "LIST"):
                yield f"its parameter {name} is a {kind.lower()}, whose integers may arrive as floats; pass JSON text"


def typed_names(task: CompiledTask) -> Iterator[str]:
    """The display name is whatever somebody typed, and no run has it for itself."""
    if "$.pipeline_job_name}}" in json.dumps(task.task):
        yield "it is given the name that somebody typed for the run; give it dsl.PIPELINE_JOB_ID_PLACEHOLDER"


def conditions(group: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """An apostrophe in a compared text makes every branch false on this machine."""
    for name, task in group["dag"]["tasks"].items():
        condition = task.get("triggerPolicy", {}).get("condition", "")
        for found in _COMPARED.finditer(condition):
            if not _PLAIN.fullmatch(found["literal"].strip()):
                yield name, f"it branches on {found['literal']}; compare with plain words, without quotes in them"


def one_of(group: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """OneOf hands parameters on everywhere, artifacts only on Kubeflow."""
    for name, output in group["dag"].get("outputs", {}).get("artifacts", {}).items():
        selectors = output.get("artifactSelectors", [])
        if len(selectors) > 1:
            producer = selectors[0].get("producerSubtask", name)
            yield producer, f"its artifact {name} is one of several (dsl.OneOf); hand a parameter on instead"


TASK_DIVERGENCES = (importers, containers, installs, structures, typed_names)
GROUP_DIVERGENCES = (conditions, one_of)
