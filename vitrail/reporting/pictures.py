"""Pictures inside the page: thumbnails of corpus images as data URIs."""

import base64
from collections.abc import Iterable

from vitrail.corpus import Corpus
from vitrail.errors import CorpusError
from vitrail.evaluation.thumbnails import encode_thumbnail

__all__ = ["embed_pictures"]

_SIZE = 96
_QUALITY = 82


def embed_pictures(corpus: Corpus, image_ids: Iterable[str]) -> dict[str, str]:
    """A data URI for each image that can be read; the others are absent."""
    pictures = {}
    for image_id in sorted(set(image_ids)):
        try:
            data = encode_thumbnail(corpus.read_bytes([image_id])[0], _SIZE, _QUALITY)
        except (CorpusError, OSError):
            continue  # the page shows the image id in its place
        pictures[image_id] = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    return pictures
