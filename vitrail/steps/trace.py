"""Walks the lineage both ways: from any identifier to its runs, and to everything they tied together."""

from dataclasses import asdict
from pathlib import Path

from vitrail.errors import ConfigError
from vitrail.steps.run_ids import is_run_id
from vitrail.steps.workspace import Workspace

__all__ = ["trace"]

_SHORTEST_ID = 6


def trace(workspace: Path, identifier: str) -> list[dict[str, str]]:
    """The lineages that hold an identifier.

    Args:
        workspace: The folder of runs.
        identifier: A run id, digest, model id, version, Bento tag or git revision; digests may be cut to
            their first six characters or more.

    Raises:
        ConfigError: No run knows the identifier.
    """
    if len(identifier) < _SHORTEST_ID:
        raise ConfigError(f"id={identifier!r}: give at least {_SHORTEST_ID} characters")
    found = [line for line in _lineages(workspace) if any(value.startswith(identifier) for value in line.values())]
    if not found:
        raise ConfigError(f"id={identifier!r}: no run in {workspace} knows it; see the lineage table of a report")
    return found


def _lineages(workspace: Path) -> list[dict[str, str]]:
    runs = sorted(path.parent.name for path in workspace.glob("*/recipe.json"))
    lineages = (asdict(Workspace(workspace, run).lineage()) for run in runs if is_run_id(run))
    return [{name: value for name, value in lineage.items() if value} for lineage in lineages]
