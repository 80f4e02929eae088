"""What of the metadata cannot be used: listed in the quarantine with file and line, and counted at the end."""

import logging

import pyarrow as pa

from vitrail.contracts.corpus import QUARANTINE_SCHEMA
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tables import table_of
from vitrail.errors import CorpusError

__all__ = ["Refusals"]

_LOGGER = logging.getLogger(__name__)
_MAX_ROWS_SHARE = 0.5  # of all rows: beyond, a column or a file is not understood, and no row is at fault


class Refusals:
    """Rows and single values that are left out of a corpus, each with its reason."""

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []
        self._rows: list[str] = []  # reasons of whole rows
        self._num_rows = 0

    def count_row(self) -> None:
        """Counts a row that was read, good or bad."""
        self._num_rows += 1

    def add_row(self, file: str, name: str, reason: str) -> None:
        """Leaves out a row of metadata; `name` is the image it is about, as far as that is known."""
        self._rows.append(reason)
        self.add_value(file, name, reason)

    def add_value(self, file: str, name: str, reason: str) -> None:
        """Leaves out one text or value; the rest of its row is used."""
        self._found.append({"shard": file, "image_id": name, "reason": reason})

    def require_few(self) -> None:
        """Refuses metadata most of whose rows cannot be used.

        Raises:
            CorpusError: With the first reason, when more than half of the rows were left out.
        """
        if len(self._rows) <= self._num_rows * _MAX_ROWS_SHARE:
            return
        num_others, num_bad = self._num_rows - 1, len(self._rows) - 1
        others = f" ({num_bad} of {num_others} other rows cannot be used either)" if num_others else ""
        raise CorpusError(readable(self._rows[0]) + others)

    def table(self) -> pa.Table:
        """The rows for the quarantine, in the order they were met."""
        rows = [{name: readable(value) for name, value in row.items()} for row in self._found]
        return table_of(rows, QUARANTINE_SCHEMA)

    def log(self) -> None:
        """Says how many rows and values were left out, and the first reason."""
        if not self._found:
            return
        counts = ((len(self._rows), "row"), (len(self._found) - len(self._rows), "single value"))
        what = " and ".join(f"{count:,} {noun}{'s' if count > 1 else ''}" for count, noun in counts if count)
        first = readable(self._found[0]["reason"])
        _LOGGER.warning("%s of the metadata left out, as quarantine.parquet lists; the first: %s", what, first)
