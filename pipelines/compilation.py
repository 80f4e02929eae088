"""From a graph to the file that Kubeflow Pipelines takes."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.lint import lint_graph
from vitrail.contracts.files import atomic_file

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

__all__ = ["compile_pipeline"]


def compile_pipeline(pipeline: "BaseComponent", out: Path) -> None:
    """Writes a pipeline's IR.

    Raises:
        ConfigError: A task has gaps, or something that executors do not do alike (`pipelines.lint`).
    """
    from kfp import compiler

    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "graph.yaml"
        compiler.Compiler().compile(pipeline, str(draft))
        text = draft.read_text(encoding="utf-8")
    lint_graph(text)
    with atomic_file(out) as partial:
        partial.write_text(text, encoding="utf-8")
