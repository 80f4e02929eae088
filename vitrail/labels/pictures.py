"""Pictures of a corpus, small, for pages that stand alone."""

import base64
import io

from PIL import Image

from vitrail.contracts.models import Transforms
from vitrail.corpus import Corpus
from vitrail.corpus.prepare import prepare_image
from vitrail.errors import CorpusError

__all__ = ["data_uri", "read_thumbnail"]


def read_thumbnail(corpus: Corpus, image_id: str, size: int) -> Image.Image | None:
    """The image in a white square; None when it cannot be read."""
    try:
        return Image.fromarray(prepare_image(corpus.read_bytes([image_id])[0], Transforms(image_size=size)))
    except (CorpusError, OSError):
        return None


def data_uri(picture: Image.Image | None) -> str:
    """The picture as text that a page can hold; empty without one."""
    if picture is None:
        return ""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(stream.getvalue()).decode()}"
