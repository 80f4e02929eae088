"""Small pictures of the gallery, for answers and reports."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from vitrail.corpus.decode import draw_thumbnail

__all__ = ["encode_thumbnail", "encode_thumbnails"]


def encode_thumbnail(data: bytes, size: int, quality: int) -> bytes:
    """WebP of an encoded image, fitted into a white square of `size` pixels."""
    pixels = draw_thumbnail(data, size)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, method=2)
    return stream.getvalue()


def encode_thumbnails(encoded: Sequence[bytes], *, size: int, quality: int) -> list[bytes]:
    """Thumbnails of many images; Pillow decodes and encodes without the interpreter's lock."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda data: encode_thumbnail(data, size, quality), encoded))
