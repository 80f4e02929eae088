"""What a source offers and a corpus does not use: files, members and rows, each with its reason."""

from collections.abc import Iterable

import pyarrow as pa

from vitrail.contracts.corpus import UNUSED_SCHEMA
from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tables import table_of

__all__ = ["Unused"]


class Unused:
    """The list behind `unused.parquet`."""

    def __init__(self, files: FolderFiles) -> None:
        """Begins with what was passed over."""
        self._rows = [(files.name_of(path), reason) for path, reason in files.passed_over.items()]

    def add(self, name: str, reason: str) -> None:
        """Lists a file, or a member or row as `file: name`."""
        self._rows.append((readable(name), readable(reason)))

    def add_all(self, rows: Iterable[tuple[str, str]]) -> None:
        """Lists (name, reason) pairs."""
        for name, reason in rows:
            self.add(name, reason)

    def table(self) -> pa.Table:
        """UNUSED_SCHEMA, by name."""
        return table_of([{"name": name, "reason": reason} for name, reason in sorted(self._rows)], UNUSED_SCHEMA)
