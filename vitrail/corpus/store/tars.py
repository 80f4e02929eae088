"""Tar files of images: written deterministically, and read by their headers."""

import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrail.corpus.readable_names import readable
from vitrail.errors import CorpusError

__all__ = ["IMAGE_EXTENSIONS", "Member", "read_members", "split_key", "write_tar"]

IMAGE_EXTENSIONS = frozenset({"png", "jpg", "jpeg", "webp", "gif", "bmp", "tif", "tiff"})

_BLOCK_BYTES = 512
_KEY = re.compile(r"((?:.*/)?[^./]+)\.([^/]+)")
_MODIFIED_AT = 0


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a tar: its WebDataset key and extension, and where its bytes lie."""

    key: str
    extension: str
    offset: int
    size: int


def write_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Writes (name, bytes) pairs as a ustar archive whose bytes depend on them alone."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = _MODIFIED_AT
            info.mode = 0o644
            tar.addfile(info, io.BytesIO(data))


def split_key(name: str) -> tuple[str, str] | None:
    """Key and lower-case extension by the WebDataset rule (the key ends at the first dot), or None.

    A leading "./" is not part of the key. Hidden files and files without extension have no key.
    """
    match = _KEY.fullmatch(name.removeprefix("./"))
    return (match[1], match[2].lower()) if match else None


def read_members(path: Path) -> Iterator[Member]:
    """The files of an uncompressed tar in the order they lie, from the headers alone.

    Raises:
        CorpusError: The tar is empty, compressed, truncated or no tar at all.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                key = split_key(readable(info.name)) if info.isfile() else None
                if key is not None:
                    yield Member(*key, info.offset_data, info.size)
            _require_end(path, tar.offset)
    except tarfile.TarError as error:
        raise CorpusError(f"{path} {_reason(path, error)}") from error


def _require_end(path: Path, offset: int) -> None:
    with path.open("rb") as stream:
        stream.seek(offset - _BLOCK_BYTES if offset >= _BLOCK_BYTES else 0)
        tail = stream.read(2 * _BLOCK_BYTES)
    if len(tail) < _BLOCK_BYTES or any(tail[-_BLOCK_BYTES:]):
        raise CorpusError(f"{path} is truncated: it has no end marker; copy or download it again")


def _reason(path: Path, error: Exception) -> str:
    with path.open("rb") as stream:
        start = stream.read(6)
    if not start:
        return "is empty (0 bytes); copy or download it again, or delete it"
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")):
        return "is compressed, so images cannot be read at random; unpack it to a plain .tar"
    return f"is truncated or not a tar ({error}); copy or download it again"
