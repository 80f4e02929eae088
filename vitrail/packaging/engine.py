"""What an endpoint does with images; it knows no HTTP.

Shapes: B batch, S image size, D embedding width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vitrail.contracts.bundle import open_bundle
from vitrail.contracts.gallery_labels import GALLERY_LABELS_FOLDER
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.errors import ServingError
from vitrail.evaluation import open_index
from vitrail.models import Predictor
from vitrail.packaging.decoding_cost import DecodingLimits, estimate_decoding_s
from vitrail.packaging.gallery import Gallery
from vitrail.packaging.label_search import GalleryLabels
from vitrail.tasks import find_kind

__all__ = ["Answer", "Engine"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says about one image: unit vector [D], packed code [D/8], probabilities by head."""

    embedding: NDArray[np.float32]
    code: NDArray[np.uint8]
    probabilities: dict[str, NDArray[np.float32]]


class Engine:
    """A bundle, loaded and verified.

    Attributes:
        manifest: The bundle's manifest.
        gallery: What is searched.
        heads: The model's heads that give probabilities, by name.
    """

    def __init__(self, bundle: Path) -> None:
        self.manifest = open_bundle(bundle)
        self._predictor = Predictor(bundle / "model")
        labels = bundle / GALLERY_LABELS_FOLDER
        self.gallery = Gallery(
            open_index(bundle / "index", self.manifest.model_id), GalleryLabels(labels) if labels.exists() else None
        )
        limits = ImageLimits(max_bytes=self.manifest.max_bytes, max_pixels=self.manifest.max_pixels)
        self._limits = DecodingLimits(image=limits)
        self.heads: dict[str, HeadSpec] = {
            head.name: head for head in self._predictor.manifest.heads if find_kind(head.kind).output == "probabilities"
        }

    def use_threads(self, num_threads: int) -> None:
        """Bounds the cores that one forward pass takes in this process."""
        torch.set_num_threads(num_threads)

    def decoding_s(self, data: bytes) -> float:
        """Seconds of one core that decoding an image takes, told from its header before it is decoded.

        Raises:
            CorpusError: The image is beyond the limits.
        """
        return estimate_decoding_s(data, self._limits)

    def prepare(self, data: bytes) -> NDArray[np.uint8]:
        """The model's input [S, S, 3] for an encoded image.

        Raises:
            CorpusError: The image is beyond the limits or cannot be decoded.
        """
        transforms = self._predictor.manifest.transforms
        return prepare_image(data, transforms, self._limits.image, self._limits.max_cpu_s)

    def predict(self, images: Sequence[NDArray[np.uint8]]) -> list[Answer]:
        """Answers for prepared images, in one forward pass."""
        batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
        found = self._predictor.predict(batch)
        if found.embeddings is None or found.codes is None:
            raise ServingError("the model has no retrieval head; package a model that embeds")
        return [
            Answer(
                found.embeddings[row],
                found.codes[row],
                {name: values[row] for name, values in found.probabilities.items()},
            )
            for row in range(len(images))
        ]

    def summarise(self, head: str, probabilities: NDArray[np.float32]) -> dict[str, float]:
        """What the kind of a head says of an image besides its probabilities, by name; often nothing."""
        spec = self.heads[head]
        return find_kind(spec.kind).summarise(spec, probabilities)

    def thumbnail(self, key: int) -> bytes | None:
        """WebP of an item of the index; None when there is no such item, or it has no thumbnail."""
        index = self.gallery.index
        return index.thumbnail(key) if 0 <= key < len(index) else None
