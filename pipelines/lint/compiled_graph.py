"""The tasks of a compiled graph (KFP's IR, a YAML file of one or two documents), each with all that is said of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["CompiledGraph", "CompiledTask", "read_graph"]


@dataclass(frozen=True, kw_only=True)
class CompiledTask:
    """A task that runs something, with its parts of the IR; a part that the graph lacks is empty.

    Attributes:
        task: How it is called: inputs, caching, retries.
        component: Its signature.
        executor: What runs: a container, or an importer.
        kubernetes: What only Kubernetes knows of it.
    """

    name: str
    task: dict[str, Any]
    component: dict[str, Any]
    executor: dict[str, Any]
    kubernetes: dict[str, Any]

    @property
    def container(self) -> dict[str, Any]:
        """Image, command and resources; empty for an importer."""
        return self.executor.get("container", {})

    @property
    def is_calling_python(self) -> bool:
        """Whether it is a Python function that KFP ships and calls."""
        return "kfp.dsl.executor_main" in json.dumps(self.container.get("command", []))


@dataclass(frozen=True, kw_only=True)
class CompiledGraph:
    """The tasks of a graph, and its groups: the whole, branches, loops."""

    tasks: tuple[CompiledTask, ...]
    groups: dict[str, dict[str, Any]]


def read_graph(text: str) -> CompiledGraph:
    """Reads the YAML that KFP's compiler wrote."""
    spec, *platforms = yaml.load_all(text, yaml.CSafeLoader)
    parts = {"the pipeline": spec["root"], **spec.get("components", {})}
    groups = {name: part for name, part in parts.items() if "dag" in part}
    return CompiledGraph(tasks=tuple(_tasks(spec, platforms, groups)), groups=groups)


def _tasks(spec: dict[str, Any], platforms: list[Any], groups: dict[str, dict[str, Any]]) -> Iterator[CompiledTask]:
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    kubernetes = platforms[0]["platforms"].get("kubernetes", {}) if platforms else {}
    of_kubernetes = kubernetes.get("deploymentSpec", {}).get("executors", {})
    for group in groups.values():
        for name, task in group["dag"]["tasks"].items():
            component = spec["components"][task["componentRef"]["name"]]
            if label := component.get("executorLabel"):
                yield CompiledTask(
                    name=name,
                    task=task,
                    component=component,
                    executor=executors.get(label, {}),
                    kubernetes=of_kubernetes.get(label, {}),
                )
