"""Reads a run folder for the report. A run that broke must still be readable, so nothing here is required.

<run>/steps/<step>.json    what each step did and where its artifact lies
<run>/recipe.json          the resolved recipe
<run>/lineage.json         the identifiers, where the run wrote them
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vitrail.contracts.codec import read_optional
from vitrail.contracts.contract import Contract

__all__ = ["Run", "StepEntry", "read_run"]

C = TypeVar("C", bound=Contract)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class StepEntry:
    """One step as the run recorded it; `missing` when it left no record."""

    step: str
    status: str  # succeeded, failed, skipped, running or missing
    started_at: str = ""
    seconds: float = 0.0
    is_reused: bool = False
    artifact: Path | None = None
    error: str = ""
    lineage: dict[str, str]


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
    entries = tuple(_entry(resolved, name, _read_object(resolved / "steps" / f"{name}.json")) for name in steps)
    lineage = {"run_id": resolved.name}
    for entry in entries:
        lineage |= entry.lineage
    lineage |= _texts(_read_object(resolved / "lineage.json"))
    return Run(path=resolved, steps=entries, recipe=_read_object(resolved / "recipe.json"), lineage=lineage)


def _entry(path: Path, name: str, record: dict[str, Any]) -> StepEntry:
    artifact = record.get("artifact")
    seconds = record.get("seconds")
    return StepEntry(
        step=name,
        status=str(record.get("status", "missing")),
        started_at=str(record.get("started_at") or ""),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
        is_reused=bool(record.get("is_reused")),
        artifact=path / artifact if isinstance(artifact, str) else None,
        error=str(record.get("error") or ""),
        lineage=_texts(record.get("lineage")),
    )


def _texts(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else {}


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
