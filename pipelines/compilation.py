"""From a graph to the file that Kubeflow Pipelines takes."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfp.dsl.base_component import BaseComponent

__all__ = ["compile_pipeline"]


def compile_pipeline(pipeline: "BaseComponent", out: Path) -> None:
    """Writes a pipeline's IR."""
    from kfp import compiler

    out.parent.mkdir(parents=True, exist_ok=True)
    compiler.Compiler().compile(pipeline, str(out))
