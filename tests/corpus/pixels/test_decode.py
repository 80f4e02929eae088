import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vitrail.contracts.models import Transforms
from vitrail.corpus.pixels.decode import decode_image, fit_size
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.prepare import prepare_crop, prepare_image
from vitrail.corpus.pixels.probe import probe_image, verify_image
from vitrail.errors import ConfigError, CorpusError

SQUARE = Transforms(image_size=32, background=(255, 0, 0))


def encode(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_of_zeros(width: int, height: int) -> bytes:
    """A real PNG: one bit a pixel, all black, a few hundred kilobytes for hundreds of millions of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * height), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {}), ("WEBP", {"lossless": True})],
)
@pytest.mark.parametrize("size", [(1, 1), (30, 70), (301, 200)])
def test_header_is_read_without_pillow(kind, options, size):
    info = verify_image(encode(Image.new("RGB", size, (9, 99, 200)), kind, **options))
    assert (info.format, info.width, info.height) == (kind.lower(), *size)


def test_webp_with_alpha_and_exif_has_an_extended_header():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(Image.new("RGBA", (30, 70), (1, 2, 3, 4)), "WEBP", exif=exif)
    assert data[12:16] == b"VP8X"
    assert (probe_image(data).width, probe_image(data).height) == (30, 70)
    assert decode_image(data).shape == (30, 70, 3)  # turned upright


def test_bomb_is_refused_by_its_header_and_pillows_guard_stays():
    bomb = png_of_zeros(16000, 14464)  # the size of the one in openclipart
    assert len(bomb) < 1_000_000
    for read in (probe_image, verify_image, decode_image):
        with pytest.raises(CorpusError, match=r"16000 x 14464 = 231,424,000 pixels is more than the limit"):
            read(bomb)
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
    with pytest.raises(ConfigError, match="max_pixels"):
        ImageLimits(max_pixels=Image.MAX_IMAGE_PIXELS + 1)


def test_bytes_are_limited(picture):
    with pytest.raises(CorpusError, match="bytes is more than the limit of 10"):
        probe_image(picture(1), ImageLimits(max_bytes=10))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_truncation_is_noticed_without_decoding(picture, kind):
    data = picture(3, side=64, format=kind)
    for end in (0, 1, 8, 20, 40, len(data) // 2, len(data) - 2):
        with pytest.raises(CorpusError):
            verify_image(data[:end])


def test_damaged_chunk_is_noticed(picture):
    data = bytearray(picture(3, side=64))
    data[data.index(b"IDAT") + 12] ^= 0xFF
    with pytest.raises(CorpusError, match="wrong checksum in its IDAT chunk"):
        verify_image(bytes(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"GIF89a....", "format gif is not supported; convert it"),
        (b"<svg xmlns=''/>", "format svg"),
        (b"<html>404</html>", "format html"),
        (b"just some text", "not a PNG, JPEG or WebP"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rXXXX", "without header chunk"),
        (b"\xff\xd8\xff\xd9", "without a frame header"),
        (b"RIFF\0\0\0\0WEBPXXXX" + bytes(20), "unknown first chunk"),
    ],
)
def test_wrong_type_says_what_it_is(data, reason):
    with pytest.raises(CorpusError, match=reason):
        verify_image(data)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF0000WEBP"]))
def test_garbage_is_a_corpus_error_and_nothing_else(body, start):
    for read in (verify_image, decode_image):
        with pytest.raises(CorpusError):
            read(start + body)


def test_transparent_pixels_take_the_background():
    image = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    image.putpixel((3, 4), (10, 20, 30, 255))
    pixels = decode_image(encode(image, "PNG"), background=(7, 8, 9))
    assert pixels[0, 0].tolist() == [7, 8, 9]
    assert pixels[4, 3].tolist() == [10, 20, 30]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode):
    grey = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    pixels = decode_image(encode(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    if mode != "1":
        assert np.abs(pixels[..., 1].astype(int) - grey).max() <= 6


def test_palette_with_transparency():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 1), 1)
    pixels = decode_image(encode(image, "PNG", transparency=0), background=(1, 2, 3))
    assert pixels[0, 0].tolist() == [1, 2, 3]
    assert pixels[1, 1].tolist() == [0, 255, 0]


def test_wide_image_is_fitted_and_centred():
    pixels = prepare_image(encode(Image.new("RGB", (100, 50), (0, 0, 255)), "PNG"), SQUARE)
    assert pixels.shape == (32, 32, 3)
    assert (pixels[:8] == (255, 0, 0)).all()
    assert (pixels[8:24] == (0, 0, 255)).all()
    assert (pixels[24:] == (255, 0, 0)).all()


@pytest.mark.parametrize("size", [(20, 20), (101, 300), (2200, 2100)])
def test_resampling_is_that_of_pillow_to_one_level(size):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    data = encode(image, "PNG", compress_level=1)
    assert np.abs(prepare_image(data, SQUARE).astype(int) - prepare_with_pillow(image)).max() <= 1


def prepare_with_pillow(image):
    fitted = fit_size(image.size, 32)
    square = Image.new("RGB", (32, 32), SQUARE.background)
    corner = ((32 - fitted[0]) // 2, (32 - fitted[1]) // 2)
    square.paste(image.resize(fitted, Image.Resampling.BICUBIC), corner)
    return np.asarray(square).astype(int)


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(20, 220), st.integers(20, 220)), st.integers(32, 60), st.data())
def test_a_crop_is_the_part_of_the_fitted_square(size, side, data):
    left, top = (data.draw(st.integers(0, side - 32)) for _ in range(2))
    ramp = np.add.outer(np.linspace(0, 127, size[1]), np.linspace(0, 127, size[0]))
    encoded = encode(Image.fromarray(np.stack([ramp, 255 - ramp, ramp / 2], axis=2).astype(np.uint8)), "PNG")
    whole = prepare_image(encoded, Transforms(image_size=side, background=SQUARE.background)).astype(int)
    part = prepare_crop(encoded, SQUARE, side, left, top).astype(int)
    expected = whole[top : top + 32, left : left + 32]
    is_background = (expected == SQUARE.background).all(axis=2)
    assert ((part == SQUARE.background).all(axis=2) == is_background).all()
    one_pixel = 127 / size[0] + 127 / size[1]  # of the image, in grey levels, along both axes
    assert np.abs(part - expected).max() <= 2 * one_pixel + 2


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (32, 32), (33, 31)])
def test_any_shape_gives_the_square(size):
    assert prepare_image(encode(Image.new("RGB", size), "PNG"), SQUARE).shape == (32, 32, 3)


def test_exif_orientation_is_applied(picture):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    data = picture(5, side=64, format="JPEG", exif=exif, quality=95)
    plain = picture(5, side=64, format="JPEG", quality=95)
    assert np.abs(decode_image(data)[::-1, ::-1].astype(int) - decode_image(plain)).mean() < 2


def test_large_jpeg_at_reduced_scale_looks_like_full_decode():
    wave = np.sin(np.arange(900) / 90) * 100 + 128
    image = Image.fromarray(np.add.outer(wave / 2, wave / 2).astype(np.uint8)).convert("RGB")
    data = encode(image, "JPEG", quality=95)
    full = image.resize((32, 32), Image.Resampling.BICUBIC)
    assert np.abs(prepare_image(data, SQUARE).astype(int) - np.asarray(full)).max() <= 4


def test_damaged_pixels_are_an_error_with_a_reason(picture):
    data = bytearray(picture(6, side=64))
    data[data.index(b"IDAT") + 20 :] = b"\0" * 40
    with pytest.raises(CorpusError, match="png image cannot be decoded"):
        decode_image(bytes(data))
