"""Refuses a compiled graph with gaps, or with what executors do not do alike."""

from collections.abc import Iterator

from pipelines.lint.compiled_graph import CompiledGraph, read_graph
from pipelines.lint.divergences import GROUP_DIVERGENCES, TASK_DIVERGENCES
from pipelines.lint.gaps import GAPS
from vitrail.errors import ConfigError

__all__ = ["lint_graph"]


def lint_graph(text: str) -> None:
    """Looks at every task of the YAML that KFP's compiler wrote.

    Raises:
        ConfigError: A line for each finding: task, gap and remedy.
    """
    if found := list(_findings(read_graph(text))):
        raise ConfigError("\n".join(["the graph is not fit for a cluster:", *found]))


def _findings(graph: CompiledGraph) -> Iterator[str]:
    for task in graph.tasks:
        for rule in (*GAPS, *TASK_DIVERGENCES):
            yield from (f"{task.name}: {gap}" for gap in rule(task))
    for group in graph.groups.values():
        for group_rule in GROUP_DIVERGENCES:
            yield from (f"{name}: {gap}" for name, gap in group_rule(group))
