"""What a compiled graph must say before a cluster runs it."""

from pipelines.lint.compiled_graph import CompiledGraph, CompiledTask, read_graph
from pipelines.lint.lint import lint_graph

__all__ = ["CompiledGraph", "CompiledTask", "lint_graph", "read_graph"]
