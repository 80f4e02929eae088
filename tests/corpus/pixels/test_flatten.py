"""Transparency in every form that a PNG has."""

import struct

import numpy as np
import pytest

from builders.image_files import png_of_samples
from vitrail.corpus.pixels.decode import decode_image
from vitrail.corpus.pixels.probe import verify_image

GREY, RGB, PALETTE = 0, 2, 3
BACKGROUND = (7, 8, 9)


def seen(rows: bytes, depth: int, colour_type: int, key: bytes) -> list[list[int]]:
    """The two pixels of a PNG of 2 x 1 over the background."""
    data = png_of_samples(rows, 2, 1, depth, colour_type, key)
    verify_image(data)
    pixels: np.ndarray = decode_image(data, background=BACKGROUND)
    return pixels[0].tolist()


@pytest.mark.parametrize("value", [0, 1, 255, 256, 0x1234, 65_535])
def test_16_bit_grey(value):
    near = value ^ 1  # differs in the lowest bit: another colour, and opaque
    found = seen(struct.pack(">BHH", 0, value, near), 16, GREY, struct.pack(">H", value))
    assert found == [list(BACKGROUND), [near >> 8] * 3]


@pytest.mark.parametrize(("depth", "top"), [(1, 1), (2, 3), (4, 15)])
def test_grey_of_few_bits(depth, top):
    for key in range(top + 1):
        other = (key + 1) % (top + 1)
        packed = (key << 8 - depth | other << 8 - 2 * depth) & 0xFF
        found = seen(bytes([0, packed]), depth, GREY, struct.pack(">H", key))
        assert found == [list(BACKGROUND), [other * 255 // top] * 3], key


def test_8_bit_grey_and_colour():
    assert seen(bytes([0, 5, 6]), 8, GREY, struct.pack(">H", 5)) == [list(BACKGROUND), [6, 6, 6]]
    found = seen(bytes([0, 1, 2, 3, 1, 2, 4]), 8, RGB, struct.pack(">HHH", 1, 2, 3))
    assert found == [list(BACKGROUND), [1, 2, 4]]


def test_16_bit_colour():
    rows = struct.pack(">BHHHHHH", 0, 0x1100, 0x2200, 0x3300, 0x1100, 0x2200, 0x3400)
    found = seen(rows, 16, RGB, struct.pack(">HHH", 0x1100, 0x2200, 0x3300))
    assert found == [list(BACKGROUND), [0x11, 0x22, 0x34]]
