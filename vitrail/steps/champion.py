"""The model that serves today, as the steps of a run see it."""

import functools
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.registry import ModelVersion
from vitrail.recipes import Recipe
from vitrail.registry import fetch_version, find_champion

__all__ = ["Champion"]


@dataclass(frozen=True, kw_only=True)
class Champion:
    """Asks the registry once, and only when a step wants to know."""

    recipe: Recipe
    workspace: Path

    @functools.cached_property
    def version(self) -> ModelVersion | None:
        """The registered version; None when there is no champion yet."""
        return find_champion(self.recipe.registry)

    @functools.cached_property
    def folder(self) -> Path | None:
        """The folder of everything that was registered with it; None when there is no champion yet."""
        return fetch_version(self.version, self.workspace / "versions") if self.version else None
