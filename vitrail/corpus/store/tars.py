"""Tar files of images, read by their headers."""

import os
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vitrail.corpus.readable_names import readable
from vitrail.errors import CorpusError

__all__ = ["COMPRESSED_STARTS", "IMAGE_EXTENSIONS", "Member", "is_tar", "read_members"]

COMPRESSED_STARTS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"LZIP")
# What is called so is an image, or goes to quarantine; what is an image without being called so is found by its bytes.
IMAGE_EXTENSIONS = frozenset(
    {
        "png", "jpg", "jpeg", "jpe", "jfif", "pjpeg", "webp", "gif", "bmp", "tif", "tiff",
        "avif", "heic", "heif", "jxl", "svg",
    }
)  # fmt: skip

_BLOCK_BYTES = 512
_MAGIC = slice(257, 262)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a tar: its name, where its bytes lie, and why it has none of its own that can be used."""

    name: str
    offset: int = 0
    size: int = 0
    problem: str | None = None


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes of a file are the header of a tar (POSIX and GNU; older ones have no mark)."""
    return start[_MAGIC] == b"ustar"


def read_members(path: Path) -> Iterator[Member]:
    """The files of an uncompressed tar in the order they lie, from the headers alone; folders are left out.

    Names are in UTF-8, without `./` and a leading `/`. A link stands for the file in the tar that it leads to, and
    is never followed outside. Tars that were joined one behind the other are read to the end.

    Raises:
        CorpusError: The tar is empty, compressed, truncated or no tar at all.
    """
    try:
        infos, num_rest = _read_headers(path)
    except (tarfile.TarError, OSError, ValueError, OverflowError, RecursionError) as error:  # of headers that lie
        raise CorpusError(f"{path} {_reason(path, error)}") from error
    files = {_plain_name(info.name): info for info in infos if info.isreg()}
    for info in infos:
        if not info.isdir():
            yield _member(info, files)
    if num_rest:
        yield Member(
            "(behind the end)", problem=f"{num_rest:,} bytes that are no tar; if they are, join tars by `tar -A`"
        )


def _read_headers(path: Path) -> tuple[list[tarfile.TarInfo], int]:
    """The headers of all tars in a file, and how many bytes behind them are something else."""
    infos: list[tarfile.TarInfo] = []
    with path.open("rb") as stream:
        num_bytes = os.fstat(stream.fileno()).st_size
        at = 0
        while True:
            stream.seek(at)
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                infos.extend(_with_sizes(tar))
                _require_end(path, tar.offset)
                at = _pass_zeros(stream, tar.offset)
            if at >= num_bytes:
                return infos, 0
            stream.seek(at)
            if not is_tar(stream.read(_BLOCK_BYTES)):
                return infos, num_bytes - at


def _with_sizes(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The headers; one with a size below zero leads back to where it stands, and would be read for ever."""
    for info in tar:
        if info.size < 0:
            raise tarfile.ReadError(f"size {info.size} of {readable(info.name)!r:.80}")
        yield info


def _pass_zeros(stream: BinaryIO, at: int) -> int:
    """Where the padding behind the end marker of a tar ends, in whole blocks."""
    stream.seek(at)
    while (block := stream.read(_BLOCK_BYTES)) and not any(block):
        at += _BLOCK_BYTES
    return at


def _plain_name(name: str) -> str:
    return "/".join(part for part in readable(name).split("/") if part not in ("", "."))


def _member(info: tarfile.TarInfo, files: Mapping[str, tarfile.TarInfo]) -> Member:
    name = _plain_name(info.name)
    if info.isreg() and info.issparse():
        return Member(name, problem="stored with holes; pack it again without --sparse")
    if info.isreg():
        return Member(name, info.offset_data, info.size)
    if not (info.islnk() or info.issym()):
        return Member(name, problem="no regular file")
    link = info.linkname if info.islnk() else posixpath.join(posixpath.dirname(name), info.linkname)
    target = files.get(_plain_name(posixpath.normpath(link)))
    if target is None or target.issparse():
        return Member(name, problem=f"a link to {readable(info.linkname)}, which is no file of the tar")
    return Member(name, target.offset_data, target.size)


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
    if start.startswith(COMPRESSED_STARTS):
        return "is compressed, so images cannot be read at random; unpack it to a plain .tar"
    return f"is truncated or not a tar ({error}); copy or download it again"
