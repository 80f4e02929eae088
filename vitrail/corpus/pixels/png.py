"""PNG files by their chunks: size, wholeness, EXIF, and the file without metadata.

What lies behind the end chunk decides nothing, and neither do chunks that hold no pixels.
"""

import contextlib
import itertools
import struct
import zlib
from collections.abc import Iterator

from vitrail.errors import CorpusError

__all__ = ["bit_depth", "exif_of", "num_chunks", "require_whole", "size_of", "without_metadata"]

_SIGNATURE_BYTES = 8
_PIXEL_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height from the header chunk.

    Raises:
        CorpusError: There is no header chunk.
        struct.error: The file ends inside it.
    """
    if data[12:16] != b"IHDR":
        raise CorpusError("a PNG without header chunk")
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def bit_depth(data: bytes) -> int:
    """Bits a sample (or index of a palette), from the header chunk."""
    return data[24]


def require_whole(data: bytes) -> None:
    """Refuses a PNG that is cut short or has a wrong checksum in a chunk that pixels need.

    Raises:
        CorpusError: The message names the chunk.
    """
    for kind, body_at, length in _chunks(data):
        if kind not in _PIXEL_CHUNKS:
            continue
        (stored,) = struct.unpack_from(">I", data, body_at + length)
        if zlib.crc32(memoryview(data)[body_at - 4 : body_at + length]) != stored:
            raise CorpusError(f"the PNG is damaged: wrong checksum in its {kind.decode('latin-1')} chunk")


def num_chunks(data: bytes, at_most: int) -> int:
    """Chunks up to the end chunk, or to where the file breaks off; no more than `at_most` are counted."""
    count = 0
    with contextlib.suppress(CorpusError):
        for _ in itertools.islice(_chunks(data), at_most):
            count += 1
    return count


def exif_of(data: bytes) -> bytes:
    """The EXIF block; empty when there is none."""
    return next((data[at : at + length] for kind, at, length in _chunks(data) if kind == b"eXIf"), b"")


def without_metadata(data: bytes) -> bytes:
    """The same picture without texts and profiles."""
    kept = (data[at - 8 : at + length + 4] for kind, at, length in _chunks(data) if kind in _PIXEL_CHUNKS)
    return b"".join([data[:_SIGNATURE_BYTES], *kept])


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the body begins, its length) of each chunk up to the end chunk."""
    at = _SIGNATURE_BYTES
    while True:
        if at + 12 > len(data):
            raise CorpusError("the PNG is truncated: it has no end chunk")
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            raise CorpusError(f"the PNG is truncated inside its {kind.decode('latin-1')} chunk")
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
