"""Walks the lineage both ways: from any identifier to its runs, and to everything they tied together."""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from vitrail.contracts.runs import RECIPE_FILE
from vitrail.errors import ConfigError, RunError
from vitrail.steps.run_ids import is_run_id
from vitrail.steps.workspace import Workspace

__all__ = ["trace"]

_SHORTEST_ID = 6

_log = logging.getLogger(__name__)


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


def _lineages(workspace: Path) -> Iterator[dict[str, str]]:
    """The lineage of each run; a run of another version of the library is passed over, which the log says."""
    runs = sorted(path.parent.name for path in workspace.glob(f"*/{RECIPE_FILE}"))
    for run in filter(is_run_id, runs):
        try:
            lineage = asdict(Workspace(workspace, run).lineage())
        except RunError as error:
            _log.warning("%s is passed over: %s", workspace / run, error)
        else:
            yield {name: value for name, value in lineage.items() if value}
