"""What the registry keeps of the model that serves today."""

from pathlib import Path

from vitrail.registry import fetch_version, find_champion
from vitrail.steps.context import StepContext

__all__ = ["fetch_champion"]


def fetch_champion(context: StepContext) -> Path | None:
    """The folder of everything that was registered with the champion; None when there is none yet."""
    champion = find_champion(context.recipe.registry)
    return fetch_version(champion, context.workspace / "versions") if champion else None
