"""Orientation: the one EXIF tag that changes pixels. Whatever else a block holds, and however broken, is not read."""

import struct

from PIL import Image

__all__ = ["read_orientation", "turn_upright"]

_UPRIGHT = 1
_TAG = 0x0112
_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
_INTEGERS = {1: "B", 3: "H", 4: "I"}  # struct's letter by EXIF's type
_ENTRY_BYTES = 12
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_orientation(exif: bytes) -> int:
    """The orientation in an EXIF block, 1 to 8; 1 (upright) when it says none that can be understood."""
    order = _BYTE_ORDERS.get(exif[:2])
    try:
        return _UPRIGHT if order is None else _first_orientation(exif, order)
    except struct.error:  # the block ends before the tag
        return _UPRIGHT


def _first_orientation(exif: bytes, order: str) -> int:
    magic, start = struct.unpack_from(f"{order}HI", exif, 2)
    if magic != 42:
        return _UPRIGHT
    (num_entries,) = struct.unpack_from(f"{order}H", exif, start)
    for at in range(start + 2, start + 2 + _ENTRY_BYTES * num_entries, _ENTRY_BYTES):
        tag, kind, count = struct.unpack_from(f"{order}HHI", exif, at)
        if tag == _TAG:
            if kind not in _INTEGERS or count != 1:
                return _UPRIGHT
            (value,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", exif, at + 8)
            return int(value) if value in _TURNS else _UPRIGHT
    return _UPRIGHT


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """The image as it is meant to be seen."""
    return image if orientation == _UPRIGHT else image.transpose(_TURNS[orientation])
