"""Pixels decide: whatever EXIF, texts, profiles and trailers a file carries, and however broken they are."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from builders.image_files import exif_block, jpeg_with, png_chunk, png_with, webp_with
from builders.pictures import make_picture
from vitrail.contracts.models import Transforms
from vitrail.corpus.pixels.decode import decode_image, draw_thumbnail
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.corpus.pixels.probe import verify_image
from vitrail.errors import CorpusError

JPEG, PNG, WEBP = (make_picture(1, side=48, format=kind) for kind in ("JPEG", "PNG", "WEBP"))
PLAIN = {"jpeg": JPEG, "png": PNG, "webp": WEBP}
SQUARE = Transforms(image_size=32, background=(255, 0, 0))
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\1\2\3" * 50_000


def number(value: int, letter: str = "H", order: str = "<") -> bytes:
    return struct.pack(f"{order}{letter}", value)


SIX = (0x0112, 3, 1, number(6))
# name: (block, orientation that it says)
BLOCKS = {
    "good": (exif_block([SIX]), 6),
    "big endian": (exif_block([(0x0112, 3, 1, number(8, order=">"))], order=">"), 8),
    "long instead of short": (exif_block([(0x0112, 4, 1, number(3, "I"))]), 3),
    "byte instead of short": (exif_block([(0x0112, 1, 1, b"\5")]), 5),
    "behind others": (exif_block([(0x010F, 2, 4, b"abc\0"), (0x011A, 5, 1, number(0, "I")), SIX]), 6),
    "unsigned rational through zero": (exif_block([SIX, (0x0131, 5, 1, number(38, "I"))], bytes(8)), 6),
    "rational of -1 / 0": (exif_block([SIX, (0x011A, 10, 1, number(38, "I"))], struct.pack("<ii", -1, 0)), 6),
    "offset past the end": (exif_block([SIX, (0x010F, 2, 100, number(60_000, "I"))]), 6),
    "a count of four billion": (exif_block([SIX, (0x010F, 7, 2**32 - 1, number(0, "I"))]), 6),
    "type that is none": (exif_block([SIX, (0x010F, 99, 1, b"")]), 6),
    "directory in a circle": (exif_block([SIX, (0x8769, 4, 1, number(8, "I")), (0x8825, 4, 1, number(8, "I"))]), 6),
    "maker note of noise": (exif_block([SIX, (0x927C, 7, 200, number(26, "I"))], random.Random(1).randbytes(200)), 6),
    "resolution as text": (exif_block([SIX, (0x011A, 2, 4, b"72\0\0"), (0x0128, 2, 2, b"2\0")]), 6),
    "orientation as text": (exif_block([(0x0112, 2, 2, b"6\0")]), 1),
    "orientation as rational": (exif_block([(0x0112, 5, 1, number(26, "I"))], struct.pack("<II", 6, 1)), 1),
    "orientation of 0": (exif_block([(0x0112, 3, 1, number(0))]), 1),
    "orientation of 9": (exif_block([(0x0112, 3, 1, number(9))]), 1),
    "orientation of 65535": (exif_block([(0x0112, 3, 1, number(65_535))]), 1),
    "two orientations": (exif_block([(0x0112, 3, 2, number(6) + number(6))]), 1),
    "no orientation": (exif_block([(0x010F, 2, 4, b"abc\0")]), 1),
    "empty": (b"", 1),
    "byte order alone": (b"II", 1),
    "cut in the directory": (exif_block([SIX])[:12], 1),
    "cut in the entry": (exif_block([SIX])[:17], 1),
    "more entries than bytes": (b"II*\0" + number(8, "I") + number(65_535) + bytes(12), 1),
    "directory past the end": (b"II*\0" + number(2**32 - 1, "I"), 1),
    "directory inside the header": (b"II*\0" + number(0, "I") + bytes(40), 1),
    "another magic number": (b"II\x2b\0" + exif_block([SIX])[4:], 1),
    "no byte order": (b"XX" + exif_block([SIX])[2:], 1),
    "text": (b"Exif? What Exif?", 1),
    "noise": (random.Random(2).randbytes(4000), 1),
}


def with_exif(kind: str, block: bytes) -> bytes:
    if kind == "jpeg":
        return jpeg_with(JPEG, (0xE1, b"Exif\0\0" + block))
    if kind == "png":
        return png_with(PNG, png_chunk(b"eXIf", block))
    return webp_with(WEBP, 0x08, (48, 48), (b"EXIF", block))


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """What Pillow makes of a picture whose EXIF block is good."""
    back = {5: np.transpose(pixels, (1, 0, 2)), 6: np.rot90(pixels, -1), 8: np.rot90(pixels), 3: np.rot90(pixels, 2)}
    return back.get(orientation, pixels)


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("name", BLOCKS)
def test_only_the_orientation_of_exif_is_read(name, kind):
    block, orientation = BLOCKS[name]
    data = with_exif(kind, block)
    verify_image(data)
    expected = turned(decode_image(PLAIN[kind]), orientation)
    np.testing.assert_array_equal(decode_image(data), expected)
    assert draw_thumbnail(data, 16).shape == (16, 16, 3)
    assert prepare_image(data, SQUARE).shape == (32, 32, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_those_of_pillow(orientation):
    data = with_exif("jpeg", exif_block([(0x0112, 3, 1, number(orientation))]))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(decode_image(data), expected)


def test_fuzzed_exif_changes_no_pixel():
    rng = random.Random(3)
    entries = [(0x010E, 2, 5, number(86, "I")), (0x0112, 3, 1, number(1)), (0x011A, 5, 1, number(90, "I")),
               (0x8769, 4, 1, number(60, "I")), (0x8825, 4, 1, number(8, "I"))]  # fmt: skip
    block = exif_block(entries, bytes(range(200)))
    expected = {kind: decode_image(data) for kind, data in PLAIN.items()}
    for _ in range(300):
        fuzzed = bytearray(block)
        for _ in range(rng.randrange(1, 12)):
            at = rng.randrange(len(fuzzed))
            fuzzed[at] = rng.randrange(256) if not 22 <= at < 34 else fuzzed[at]  # the orientation's own entry stays
        for kind, pixels in expected.items():
            found = decode_image(with_exif(kind, bytes(fuzzed)))
            assert found.shape == pixels.shape
            np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(pixels, axis=None))


LONG_TEXT = zlib.compress(bytes(70_000_000), 9)  # 68 kB in the file, more than Pillow's limit when inflated
ODD_SEGMENTS = {
    "comment of 64 kB, forty times": [(0xFE, bytes(65_533))] * 40,
    "profile that is none": [(0xE2, b"ICC_PROFILE\0\1\3nonsense")],
    "pictures index that is none": [(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")],
    "pictures index without entries": [(0xE2, b"MPF\0" + exif_block([]))],
    "empty application segments": [(marker, b"") for marker in range(0xE0, 0xF0)],
    "short JFIF": [(0xE0, b"JFIF\0\1")],
    "short Adobe": [(0xEE, b"Adobe\0")],
    "Photoshop block that is cut": [(0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed\0\0\0\0\xff\xff")],
    "XMP that is no XML": [(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta \xff\xfe")],
    "thumbnail with markers": [(0xE1, b"Exif\0\0" + exif_block([]) + make_picture(2, format="JPEG"))],
}


@pytest.mark.parametrize("name", ODD_SEGMENTS)
def test_segments_beside_the_picture_do_not_matter(name):
    data = jpeg_with(JPEG, *ODD_SEGMENTS[name])
    verify_image(data)
    np.testing.assert_array_equal(decode_image(data), decode_image(JPEG))


ODD_CHUNKS = {
    "text that inflates to 70 MB": png_chunk(b"zTXt", b"Comment\0\0" + LONG_TEXT),
    "international text that inflates to 70 MB": png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + LONG_TEXT),
    "plain text of 70 MB": png_chunk(b"tEXt", b"Comment\0" + bytes(30_000_000)) * 3,
    "text with a wrong checksum": png_chunk(b"tEXt", b"Comment\0hello", checksum=1),
    "compressed text that is not": png_chunk(b"zTXt", b"Comment\0\0nonsense"),
    "text without its keyword": png_chunk(b"iTXt", b""),
    "profile that is none": png_chunk(b"iCCP", b"icc\0\0nonsense"),
    "profile that inflates to 70 MB": png_chunk(b"iCCP", b"icc\0\0" + LONG_TEXT),
    "short resolution": png_chunk(b"pHYs", b"\0"),
    "short gamma": png_chunk(b"gAMA", b""),
    "animation without frames": png_chunk(b"acTL", bytes(8)),
    "short animation header": png_chunk(b"acTL", b"\0"),
}


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("name", ODD_CHUNKS)
def test_chunks_beside_the_picture_do_not_matter(name, at_end):
    data = png_with(PNG, ODD_CHUNKS[name], at_end=at_end)
    if len(data) < 64 * 2**20:
        verify_image(data)
        np.testing.assert_array_equal(decode_image(data), decode_image(PNG))
    else:
        with pytest.raises(CorpusError, match="more than the limit"):
            decode_image(data)


@pytest.mark.parametrize(
    ("flags", "chunk"),
    [
        (0x20, (b"ICCP", b"nonsense")),
        (0x04, (b"XMP ", bytes(5_000_000))),
        (0x08, (b"EXIF", bytes(3))),
        (0x2C, (b"????", b"x")),
    ],
)
def test_chunks_of_webp_beside_the_picture_do_not_matter(flags, chunk):
    data = webp_with(WEBP, flags, (48, 48), chunk)
    verify_image(data)
    np.testing.assert_array_equal(decode_image(data), decode_image(WEBP))


TRAILERS = {
    "motion photo": MP4,
    "zeros": bytes(150_000),
    "ones": b"\xff" * 150_000,
    "another JPEG": make_picture(9, format="JPEG"),
    "a cut JPEG": make_picture(9, format="JPEG")[:300],
    "an archive": b"PK\3\4" + random.Random(4).randbytes(100_000),
    "a line end": b"\r\n",
}


@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize("kind", PLAIN)
def test_trailers_do_not_matter(kind, trailer):
    data = PLAIN[kind] + TRAILERS[trailer]
    verify_image(data)
    np.testing.assert_array_equal(decode_image(data), decode_image(PLAIN[kind]))


JPEGS = {
    "baseline": JPEG,
    "progressive": make_picture(1, side=200, format="JPEG", progressive=True),
    "restarts": make_picture(1, side=200, format="JPEG", restart_marker_blocks=2),
    "quality 100": make_picture(1, side=200, format="JPEG", quality=100, subsampling=0),
    "with a thumbnail": jpeg_with(JPEG, (0xE1, b"Exif\0\0" + exif_block([]) + make_picture(2, format="JPEG"))),
    "with two comments": jpeg_with(JPEG, (0xFE, b"\xff\xd9"), (0xFE, b"\xff\xda\0\2\xff\xd9")),
    "fill bytes": jpeg_with(JPEG, (0xFE, b"x")).replace(b"\xff\xfe", b"\xff\xff\xff\xfe", 1),
}


@pytest.mark.parametrize("name", JPEGS)
def test_whole_jpegs_are_whole_and_cut_ones_are_cut(name):
    data = JPEGS[name]
    verify_image(data)
    decode_image(data)
    for end in range(1, len(data), max(1, len(data) // 97)):
        with pytest.raises(CorpusError):
            verify_image(data[:end])


def test_a_jpeg_that_ends_before_its_scan_is_cut():
    with pytest.raises(CorpusError, match="before its first scan"):
        verify_image(JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xd9")


@pytest.mark.parametrize("marker", [b"\xff\x01", b"\xff\xe1\0\2"])
def test_a_jpeg_of_nothing_but_markers_is_refused_early(marker):
    with pytest.raises(CorpusError, match="more than 20,000 markers"):
        verify_image(JPEG[:2] + marker * 1_000_000 + JPEG[2:])


@pytest.mark.parametrize("trailer", ["motion photo", "zeros", "another JPEG"])
def test_a_trailer_does_not_hide_a_cut(trailer):
    data = JPEGS["quality 100"]
    for cut in (len(data) // 2, len(data) - 2):
        with pytest.raises(CorpusError, match="truncated"):
            verify_image(data[:cut] + TRAILERS[trailer])


def test_a_picture_of_pictures_is_its_first():
    first, second = (Image.fromarray(np.full((40, 60, 3), level, dtype=np.uint8)) for level in (40, 200))
    stream = io.BytesIO()
    first.save(stream, "MPO", save_all=True, append_images=[second])
    assert verify_image(stream.getvalue()).width == 60
    assert decode_image(stream.getvalue()).mean() == pytest.approx(40, abs=2)


def test_a_damaged_picture_stays_damaged_without_its_metadata():
    data = bytearray(png_with(PNG, ODD_CHUNKS["profile that is none"]))
    at = data.index(b"IDAT") + 12
    data[at : at + 20] = bytes(20)
    with pytest.raises(CorpusError, match="png image cannot be decoded"):
        decode_image(bytes(data))
