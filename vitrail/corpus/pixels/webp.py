"""WebP files by their chunks: size, wholeness, EXIF, and the file without metadata."""

import struct
from collections.abc import Iterator

from vitrail.errors import CorpusError

__all__ = ["exif_of", "require_whole", "size_of", "without_metadata"]

_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ANMF"})
_PIXEL_CHUNKS = _PICTURES | {b"VP8X", b"ALPH", b"ANIM"}
_METADATA_FLAGS = 0x20 | 0x08 | 0x04  # of the extended header: colour profile, EXIF, XMP


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk.

    Raises:
        CorpusError: The chunk is none that begins a picture.
        struct.error: The file ends inside it.
    """
    kind = data[12:16]
    if kind == b"VP8X":
        if len(data) < 30:
            raise struct.error
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise CorpusError(f"a WebP with unknown first chunk {kind!r}")


def require_whole(data: bytes) -> None:
    """Refuses a WebP that is shorter than it says, or holds no whole picture.

    Raises:
        CorpusError: It is cut short.
    """
    if len(data) < _end(data):
        raise CorpusError("the WebP is truncated: it is shorter than its header says")
    if not any(kind in _PICTURES and at + length <= len(data) for kind, at, length in _chunks(data)):
        raise CorpusError("the WebP is truncated: it holds no whole picture")


def exif_of(data: bytes) -> bytes:
    """The EXIF block; empty when there is none."""
    found = next((data[at : at + length] for kind, at, length in _chunks(data) if kind == b"EXIF"), b"")
    return found.removeprefix(b"Exif\0\0")


def without_metadata(data: bytes) -> bytes:
    """The same picture without texts and profiles."""
    parts = [b"WEBP"]
    for kind, at, length in _chunks(data):
        if kind in _PIXEL_CHUNKS:
            body = bytearray(data[at : at + length])
            if kind == b"VP8X" and body:
                body[0] &= ~_METADATA_FLAGS
            parts.append(kind + struct.pack("<I", length) + bytes(body) + bytes(length % 2))
    contents = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(contents)) + contents


def _end(data: bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the body begins, its length) of each chunk; the last may be cut."""
    at = 12
    while at + 8 <= min(len(data), _end(data)):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], at + 8, length
        at += 8 + length + length % 2
