"""Image files put together by hand: segments, chunks and EXIF blocks as cameras, editors and accidents leave them."""

import struct
import zlib
from collections.abc import Sequence

__all__ = ["exif_block", "jpeg_with", "png_of_samples", "png_with", "webp_with"]

Entry = tuple[int, int, int, bytes]  # tag, type, count, value or offset


def exif_block(entries: Sequence[Entry], extra: bytes = b"", order: str = "<") -> bytes:
    """A TIFF header with one directory; `extra` lies at offset 14 + 12 * entries."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    rows = (
        struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")[:4] for tag, kind, count, value in entries
    )
    return head + b"".join(rows) + bytes(4) + extra


def jpeg_with(data: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with (marker, body) segments behind its start marker."""
    return data[:2] + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    ) + data[2:]  # fmt: skip


def png_chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    """One chunk; with a checksum of one's own, a damaged one."""
    crc = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png_with(data: bytes, *chunks: bytes, at_end: bool = False) -> bytes:
    """A PNG with more chunks, behind its header or before its end."""
    cut = len(data) - 12 if at_end else 33
    return data[:cut] + b"".join(chunks) + data[cut:]


def png_of_samples(rows: bytes, width: int, height: int, depth: int, colour_type: int, key: bytes) -> bytes:
    """A PNG of packed rows (each begins with its filter byte) with a transparent colour."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def webp_with(data: bytes, flags: int, size: tuple[int, int], *chunks: tuple[bytes, bytes]) -> bytes:
    """A plain WebP under an extended header, followed by more chunks."""
    width, height = ((side - 1).to_bytes(3, "little") for side in size)
    header = (b"VP8X", bytes([flags, 0, 0, 0]) + width + height)
    parts = [_webp_chunk(*header), data[12:], *(_webp_chunk(*chunk) for chunk in chunks)]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
