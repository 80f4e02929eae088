"""Reads a run folder (`vitrail.contracts.runs`) for the report.

A run that broke must still be readable, so nothing in it is required.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from vitrail.contracts.codec import load, read_optional
from vitrail.contracts.contract import Contract
from vitrail.contracts.runs import RECIPE_FILE, StepRecord
from vitrail.errors import RunError

__all__ = ["Run", "StepEntry", "read_run"]

C = TypeVar("C", bound=Contract)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StepEntry:
    """One step as the run recorded it; `missing` when it left no record."""

    step: str
    status: Literal["succeeded", "failed", "running", "missing"] = "missing"
    started_at: str = ""
    seconds: float = 0.0
    is_reused: bool = False
    artifact: Path | None = None
    error: str = ""
    lineage: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder: what it recorded, and where the artifacts of its steps are."""

    path: Path
    steps: tuple[StepEntry, ...]
    recipe: dict[str, Any]
    lineage: dict[str, str]

    @property
    def run_id(self) -> str:
        """The name of the run's folder."""
        return self.path.name

    def step(self, name: str) -> StepEntry:
        """The entry of a step."""
        return next(entry for entry in self.steps if entry.step == name)

    def artifact(self, step: str, *parts: str) -> Path | None:
        """A file or folder of a step's artifact; None when it is not there."""
        root = self.step(step).artifact
        path = root.joinpath(*parts) if root else None
        return path if path is not None and path.exists() else None

    def read(self, kind: type[C], step: str, *parts: str) -> C | None:
        """The contract that describes a step's artifact, or a folder in it; None when it is not there.

        Raises:
            VitrailError: The contract's own error: it is there and not what it should be.
        """
        folder = self.artifact(step, *parts)
        return read_optional(kind, folder) if folder else None

    @property
    def failed(self) -> tuple[StepEntry, ...]:
        """The steps that failed."""
        return tuple(entry for entry in self.steps if entry.status == "failed")


def read_run(path: Path, steps: Sequence[str]) -> Run:
    """Reads what there is of a run folder.

    Args:
        path: The folder.
        steps: Names of the pipeline's steps, in the order of the report.
    """
    resolved = path.resolve()
    entries = tuple(_entry(resolved, name) for name in steps)
    lineage = {"run_id": resolved.name}
    for entry in entries:
        lineage |= entry.lineage
    return Run(path=resolved, steps=entries, recipe=_read_object(resolved / RECIPE_FILE), lineage=lineage)


def _entry(path: Path, name: str) -> StepEntry:
    """The step as its record says; a record that cannot be read counts as missing, which the log says."""
    file = path / StepRecord.FILE.format(step=name)
    try:
        record = load(StepRecord, file) if file.exists() else None
    except RunError as error:
        _log.warning("%s", error)
        record = None
    if record is None:
        return StepEntry(step=name)
    return StepEntry(
        step=name,
        status=record.status,
        started_at=record.started_at,
        seconds=record.seconds,
        is_reused=record.is_reused,
        artifact=path / record.artifact if record.artifact else None,
        error=record.error or "",
        lineage=record.lineage,
    )


def _read_object(path: Path) -> dict[str, Any]:
    """A JSON object; empty when the file is absent or unreadable, which the log says."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read: %s", path, error)
        return {}
    return value if isinstance(value, dict) else {}
