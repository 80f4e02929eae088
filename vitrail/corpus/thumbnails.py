"""Small pictures of a corpus: for the gallery, and as data URIs for pages that stand alone."""

import base64
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from PIL import Image

from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.decode import draw_thumbnail
from vitrail.errors import CorpusError

__all__ = ["data_uri", "embed_pictures", "encode_thumbnails", "read_thumbnails"]

_SIZE = 96
_QUALITY = 82


def _encode(data: bytes, size: int, quality: int) -> bytes:
    """WebP of an encoded image, fitted into a white square of `size` pixels."""
    pixels = draw_thumbnail(data, size)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", quality=quality, method=2)
    return stream.getvalue()


def encode_thumbnails(encoded: Sequence[bytes], *, size: int, quality: int) -> list[bytes]:
    """Thumbnails of many images; Pillow decodes and encodes without the interpreter's lock."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda data: _encode(data, size, quality), encoded))


def read_thumbnails(corpus: Corpus, image_ids: Iterable[str], size: int) -> dict[str, bytes]:
    """WebP of each image that can be read; the others are absent."""
    thumbnails = {}
    for image_id in sorted(set(image_ids)):
        try:
            thumbnails[image_id] = _encode(corpus.read_bytes([image_id])[0], size, _QUALITY)
        except (CorpusError, OSError):
            continue  # whoever shows it says so in its place
    return thumbnails


def data_uri(thumbnail: bytes) -> str:
    """A WebP as text that a page can hold."""
    return f"data:image/webp;base64,{base64.b64encode(thumbnail).decode()}"


def embed_pictures(corpus: Corpus, image_ids: Iterable[str]) -> dict[str, str]:
    """A data URI for each image that can be read; the others are absent."""
    return {name: data_uri(picture) for name, picture in read_thumbnails(corpus, image_ids, _SIZE).items()}
