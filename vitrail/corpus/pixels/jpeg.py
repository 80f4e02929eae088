"""JPEG files by their segments: size, wholeness, EXIF, and the file without metadata.

Lengths are followed from segment to segment, so what lies inside one (a thumbnail with markers of its own) or
behind the end marker (a motion photo's video, padding, a second picture) decides nothing.
"""

import re
import struct
from collections.abc import Iterator

from vitrail.errors import CorpusError

__all__ = ["exif_of", "num_scans", "require_whole", "size_of", "without_metadata"]

_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_MARKER = re.compile(rb"\xff[\x01-\xfe]")  # finds the last of several fill bytes
_MARKER_IN_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # ff00 is a byte of the scan, ffd0 to ffd7 are restarts
_EXIF = b"Exif\0\0"
# Before the first scan, and again behind it: texts and profiles of 64 MB take 1,000, and each costs a microsecond.
_MAX_SEGMENTS = 20_000


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height from the frame header.

    Raises:
        CorpusError: There is none before the first scan.
    """
    for marker, begin, end in _segments(data):
        if marker in _SIZES:
            if end - begin < 9 or end > len(data):
                raise CorpusError(f"the header is truncated after {len(data):,} bytes")
            height, width = struct.unpack_from(">HH", data, begin + 5)
            return width, height
    raise CorpusError("a JPEG without a frame header")


def require_whole(data: bytes) -> None:
    """Refuses a JPEG whose scans are not followed by the end marker.

    Raises:
        CorpusError: It has no scan, is cut short, or another picture begins inside it.
    """
    for marker, _ in _markers_from_scans(data):
        if marker == _START:
            raise CorpusError("the JPEG is truncated: another one begins before its end marker")
        if marker == _END:
            return
    raise CorpusError("the JPEG is truncated: it has no end marker")


def num_scans(data: bytes) -> int:
    """Passes over the picture that decoding takes: about ten in a progressive file, and any number in a hostile one.

    Raises:
        CorpusError: It ends before its first scan.
    """
    return sum(marker == _SCAN for marker, _ in _markers_from_scans(data))


def exif_of(data: bytes) -> bytes:
    """The EXIF block, without its name; empty when there is none."""
    bodies = (data[begin + 4 : end] for marker, begin, end in _segments(data) if marker == _APP1)
    return b"".join(body[len(_EXIF) :] for body in bodies if body.startswith(_EXIF))


def without_metadata(data: bytes) -> bytes:
    """The same picture without texts, profiles and thumbnails; what tells its colours stays."""
    parts = [data[:2]]
    for marker, begin, end in _segments(data):
        if marker in (_SCAN, _END):
            parts.append(data[begin:])
        elif _tells_pixels(marker, data[begin + 4 : end]):
            parts.append(data[begin:end])
    return b"".join(parts)


def _tells_pixels(marker: int, body: bytes) -> bool:
    if marker == _APP0:
        return body.startswith(b"JFIF\0") and len(body) >= 14
    if marker == _APP14:
        return body.startswith(b"Adobe") and len(body) >= 12
    return not (_APP0 <= marker <= _APP15 or marker == _COMMENT)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, begin, end) of each segment up to the first scan or end marker, which comes last."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        begin, marker = _next_marker(data, at)
        if marker in _BARE or marker == _START:
            at = begin + 2
            continue
        if marker == _END:
            yield marker, begin, begin + 2
            return
        at = _end_of_segment(data, begin)
        yield marker, begin, at
        if marker == _SCAN:
            return
    raise CorpusError(f"the JPEG has more than {_MAX_SEGMENTS:,} markers before its first scan")


def _markers_from_scans(data: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where it is) from the first scan to the end marker, or to the end of a file that has none."""
    *_, (marker, at, _) = _segments(data)
    if marker == _END:
        raise CorpusError("the JPEG is truncated: it ends before its first scan")
    for _ in range(_MAX_SEGMENTS):
        yield marker, at
        if marker == _END:
            return
        at = at + 2 if marker in _BARE or marker == _START else _end_of_segment(data, at)
        match = _MARKER_IN_SCAN.search(data, at)
        if match is None:
            return
        at, marker = match.start(), data[match.start() + 1]
    raise CorpusError(f"the JPEG has more than {_MAX_SEGMENTS:,} markers behind its first scan")


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Where the next marker begins, and its code; mostly it is where the last segment ends."""
    if at + 1 < len(data) and data[at] == 0xFF and 0 < data[at + 1] < 0xFF:
        return at, data[at + 1]
    match = _MARKER.search(data, at)
    if match is None:
        raise CorpusError(f"the header is truncated after {len(data):,} bytes")
    return match.start(), data[match.start() + 1]


def _end_of_segment(data: bytes, begin: int) -> int:
    if begin + 4 > len(data):
        raise CorpusError(f"the JPEG is truncated after {len(data):,} bytes")
    return begin + 2 + (data[begin + 2] << 8 | data[begin + 3])
