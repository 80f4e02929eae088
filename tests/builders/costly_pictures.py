"""Pictures that cost far more to decode than their size lets one think."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from builders.image_files import png_chunk

__all__ = ["COSTLY", "encode", "noise_photo"]


def encode(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    """The bytes of a picture."""
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def noise_photo(width: int, height: int) -> Image.Image:
    """A photograph as far as compression goes."""
    noise = np.random.default_rng(0).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def blank_webp() -> bytes:
    """49 million pixels in about 2 kB."""
    return encode(Image.new("RGB", (7000, 7000)), "WEBP", lossless=True, quality=0, method=0)


def _png_of_zeros(width: int, height: int, colour_type: int, bytes_per_pixel: int) -> bytes:
    """A PNG of black pixels, written row by row so that it needs no memory here."""
    packer = zlib.compressobj(9)
    rows = [packer.compress(bytes(1 + width * bytes_per_pixel)) for _ in range(min(height, 100_000))]
    body = b"".join(rows) + packer.compress(bytes((height - len(rows)) * (1 + width * bytes_per_pixel)))
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def endless_strip() -> bytes:
    """49 million rows of one pixel."""
    return _png_of_zeros(1, 49_000_000, 0, 1)


def narrow_strip() -> bytes:
    """A side within the limit, a thousand times the other."""
    return _png_of_zeros(20, 20_000, 2, 3)


def large_png() -> bytes:
    """36 million transparent pixels."""
    return _png_of_zeros(6000, 6000, 6, 4)


def many_scans() -> bytes:
    """A progressive JPEG of 4 million pixels whose last scan is there 2,000 times."""
    data = encode(Image.new("RGB", (2000, 2000), "white"), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 2000 + data[-2:]


def many_chunks() -> bytes:
    """A PNG of 300,000 chunks without pixels."""
    data = encode(Image.new("RGB", (40, 40)), "PNG")
    return data[:33] + png_chunk(b"tEXt", b"a\0") * 300_000 + data[33:]


COSTLY = {made.__name__: made for made in (blank_webp, endless_strip, narrow_strip, large_png, many_scans, many_chunks)}
