"""The thumbnails of all images in one file: memory does not grow with their number."""

import os
import shutil
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["ThumbnailFile"]


class ThumbnailFile:
    """Rows of `row_bytes`, in the order in which they were appended."""

    def __init__(self, path: Path, row_bytes: int) -> None:
        """Begins a file, in place of what is there."""
        self._stream = path.open("w+b")
        self._row_bytes = row_bytes

    def append(self, part: Path) -> None:
        """Adds the rows of another file."""
        with part.open("rb") as rows:
            shutil.copyfileobj(rows, self._stream)

    def __len__(self) -> int:
        """How many rows there are."""
        self._stream.flush()
        return os.fstat(self._stream.fileno()).st_size // self._row_bytes

    def rows(self, which: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some rows: uint8 [rows, row_bytes]."""
        self._stream.flush()
        file, size = self._stream.fileno(), self._row_bytes
        if len(which) and which[-1] - which[0] == len(which) - 1 and (np.diff(which) == 1).all():
            data = os.pread(file, size * len(which), int(which[0]) * size)
        else:
            data = b"".join(os.pread(file, size, row * size) for row in which.tolist())
        return np.frombuffer(data, np.uint8).reshape(-1, size)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file."""
        self._stream.close()
