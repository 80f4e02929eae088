"""Millions of strings or paths in little memory: their bytes and 8 more each, where a `Path` takes half a kilobyte."""

import os
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["PathList", "TextList"]


class TextList:
    """Strings in the order in which they were appended."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Begins with some."""
        self._bytes = bytearray()
        self._ends = array("q")
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Adds one."""
        self._bytes += os.fsencode(text)
        self._ends.append(len(self._bytes))

    def part(self, start: int = 0, end: int | None = None) -> Iterator[str]:
        """Those from `start` up to `end`, by default all."""
        at = self._ends[start - 1] if start else 0
        for stop in self._ends[start:end]:
            yield os.fsdecode(bytes(self._bytes[at:stop]))
            at = stop

    def __len__(self) -> int:
        """How many there are."""
        return len(self._ends)


class PathList:
    """Paths in the order in which they were appended.

    Attributes:
        names: The paths as strings.
    """

    def __init__(self) -> None:
        """Begins empty."""
        self.names = TextList()

    def append(self, path: Path) -> None:
        """Adds one."""
        self.names.append(os.fspath(path))

    def __len__(self) -> int:
        """How many there are."""
        return len(self.names)

    def __iter__(self) -> Iterator[Path]:
        """Each of them."""
        return map(Path, self.names.part())
