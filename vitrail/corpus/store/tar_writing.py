"""Tars of images, written deterministically: their bytes depend on names and contents alone."""

import hashlib
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["TarWriter", "write_tar"]

_NAME_BYTES = 100  # of a plain ustar header; longer names are cut in two, which tarfile does
_MAX_PLAIN_BYTES = 8**11


class TarWriter:
    """A tar that is being written, in ustar format; `digest` is its SHA-256 once it is closed."""

    def __init__(self, path: Path) -> None:
        """Begins a file, in place of what is there."""
        self._stream = path.open("wb", buffering=1 << 20)
        self._sha = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 of all bytes, in hexadecimal."""
        return self._sha.hexdigest()

    def add(self, name: str, data: bytes) -> int:
        """Appends a file and returns where its bytes begin."""
        self._write(_header(name, len(data)))
        start = self.size
        self._write(data)
        self._write(bytes(-len(data) % tarfile.BLOCKSIZE))
        return start

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the tar, and waits until it is on the disk."""
        with self._stream as stream:
            if kind is None:
                self._write(bytes(2 * tarfile.BLOCKSIZE))
                self._write(bytes(-self.size % tarfile.RECORDSIZE))
                stream.flush()
                os.fsync(stream.fileno())

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._sha.update(data)
        self.size += len(data)


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Writes (name, bytes) pairs as a ustar archive."""
    with TarWriter(path) as tar:
        for name, data in members:
            tar.add(name, data)


def _full_header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


_EMPTY = _full_header("", 0)
_SIZE_AT, _SUM_AT, _BEHIND_SUM_AT = 124, 148, 156
_DATE_AT = 136
_REST_OF_SUM = sum(_EMPTY[_NAME_BYTES:_SIZE_AT] + _EMPTY[_DATE_AT:_SUM_AT] + _EMPTY[_BEHIND_SUM_AT:]) + 8 * ord(" ")


def _header(name: str, size: int) -> bytes:
    """As tarfile writes it; name, size and checksum are what differs from file to file."""
    encoded = os.fsencode(name)
    if len(encoded) > _NAME_BYTES or size >= _MAX_PLAIN_BYTES:
        return _full_header(name, size)
    octal = b"%011o\0" % size
    total = sum(encoded) + sum(octal) + _REST_OF_SUM
    return b"".join(
        [
            encoded.ljust(_NAME_BYTES, b"\0"),
            _EMPTY[_NAME_BYTES:_SIZE_AT],
            octal,
            _EMPTY[_DATE_AT:_SUM_AT],
            b"%06o\0 " % total,
            _EMPTY[_BEHIND_SUM_AT:],
        ]
    )
