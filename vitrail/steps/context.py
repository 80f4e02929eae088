"""What a step's body is given and what it returns.

The bodies of all steps import this module, and the key of an artifact hangs on what its body imports; so recipe,
registry and launcher are handed in here and imported by whoever runs the step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitrail.contracts.lineage import Lineage

if TYPE_CHECKING:
    from vitrail.recipes import Recipe
    from vitrail.steps.champion import Champion
    from vitrail.training import Launch

__all__ = ["Outcome", "StepContext"]


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """Everything a step may use. `out` does not exist yet; `work` survives a kill and is removed on success."""

    recipe: Recipe  # the sections that the step takes
    champion: Champion
    inputs: dict[str, Path]  # artifact folders of earlier steps
    arguments: dict[str, str]  # parameters that are not artifacts
    out: Path
    work: Path
    workspace: Path
    run_folder: Path
    lineage: Lineage
    launch: Launch  # trains where the recipe says


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A step's result: the digest of its artifact, the lineage it settled and a value to branch on."""

    digest: str
    lineage: dict[str, str]
    artifact: Path | None = None  # where it lies, when the step did not write to `out`
    value: str = ""
