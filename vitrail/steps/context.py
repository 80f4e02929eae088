"""What a step function is given, and how a step is declared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrail.contracts.lineage import Lineage
from vitrail.recipes import Recipe
from vitrail.training import PodSettings

__all__ = ["Outcome", "Step", "StepContext"]


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """Everything a step may use. `out` does not exist yet; `work` survives a kill and is removed on success."""

    recipe: Recipe
    inputs: dict[str, Path]  # artifact folders of earlier steps
    arguments: dict[str, str]  # parameters that are not artifacts
    out: Path
    work: Path
    workspace: Path
    run_folder: Path
    lineage: Lineage
    pod: PodSettings | None  # what the task's pod was given, to hand on to a TrainJob; None outside a pipeline


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A step's result: the digest of its artifact, the lineage it settled and a value to branch on."""

    digest: str
    lineage: dict[str, str]
    artifact: Path | None = None  # where it lies, when the step did not write to `out`
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the pipeline.

    `config` returns the part of the recipe that the artifact depends on. A reusable step's artifact depends
    on nothing but inputs, arguments, config and code; steps that read a registry or start servers are not.
    """

    name: str
    function: Callable[[StepContext], Outcome]
    inputs: tuple[str, ...]
    config: Callable[[Recipe], Any]
    arguments: tuple[str, ...] = ()
    is_reusable: bool = True
