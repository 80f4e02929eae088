"""Rows that break a rule, counted per file, with a sample of which they are."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Findings", "frame_of"]


class Findings:
    """What was measured in one file: one row of the frame that a suite is run on."""

    def __init__(self, file: str, num_examples: int) -> None:
        self.file = file
        self.problem: str | None = None  # why the file could not be measured
        self.values: dict[str, float | None] = {}
        self.examples: dict[str, tuple[str, ...]] = {}
        self._num_examples = num_examples

    def set(self, measure: str, value: float | None, examples: Sequence[str] = ()) -> None:
        """Records a value and what identifies the rows behind it."""
        self.values[measure] = value
        if examples:
            self.examples[measure] = tuple(examples[: self._num_examples])

    def count(self, measure: str, is_failing: pa.Array | pa.ChunkedArray, names: pa.Array) -> None:
        """Records how many rows fail; null counts as failing. `names` identify the rows."""
        mask = pc.fill_null(is_failing, True)
        failing = pc.filter(names, mask)
        examples = [str(name) for name in failing[: self._num_examples].to_pylist()]
        self.set(measure, len(failing), examples)

    def row(self) -> dict[str, Any]:
        """The row of the frame; `examples` is for the reader of the Data Docs."""
        examples = "; ".join(f"{measure}: {', '.join(names)}" for measure, names in self.examples.items())
        return {"file": self.file, "problem": self.problem, **self.values, "examples": examples}


def frame_of(findings: Sequence[Findings], measures: Sequence[str]) -> pa.Table:
    """One row per file with a column per measure; what a file lacks is null."""
    rows = [finding.row() for finding in findings]
    text = [(name, pa.string()) for name in ("file", "problem", "examples")]
    numbers = [(measure, pa.float64()) for measure in measures]
    return pa.Table.from_pylist(rows, schema=pa.schema(text + numbers))
