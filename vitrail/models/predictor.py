"""Inference: what evaluation, packaging and the endpoint call.

Shapes: B batch, S image size, D embedding width, C outputs of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.errors import ModelError
from vitrail.models.store import load_model
from vitrail.tasks import find_kind

__all__ = ["Predictions", "Predictor", "pack_codes"]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a model says about B images.

    Attributes:
        embeddings: Unit vectors, float32 [B, D]; None without a retrieval head.
        codes: One bit per dimension, set where the value is above 0, uint8 [B, D/8]; None likewise.
        probabilities: By head, float32 [B, K] over its classes.
    """

    embeddings: NDArray[np.float32] | None
    codes: NDArray[np.uint8] | None
    probabilities: dict[str, NDArray[np.float32]]


def pack_codes(embeddings: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Binary codes [B, D/8] of embeddings [B, D]: bit = value > 0, most significant bit first."""
    return np.packbits(embeddings > 0, axis=1)


class Predictor:
    """A model folder, ready to answer.

    Each image's answer is independent of the other images in its batch up to the order of floating point
    sums, which libraries choose by batch size: in float32 embeddings and probabilities agree within 1e-5,
    and a bit of a code may differ only where the embedding's value is that close to 0.

    Attributes:
        manifest: The model's manifest.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        model, self.manifest = load_model(folder)
        self.device = torch.device(device)
        self._model = model.to(self.device)
        kinds = [(spec, find_kind(spec.kind)) for spec in self.manifest.heads]
        self._classifying = [(spec, kind) for spec, kind in kinds if kind.output == "probabilities"]

    @torch.inference_mode()
    def predict(self, images: Tensor) -> Predictions:
        """Answers for uint8 images [B, 3, S, S] prepared with the manifest's transforms.

        Raises:
            ModelError: The images have another type or shape.
        """
        self._check_images(images)
        outputs = self._model(images.to(self.device, non_blocking=True))
        retrieval = self._model.retrieval_spec
        embeddings = outputs[retrieval.name].float().cpu().numpy() if retrieval else None
        return Predictions(
            embeddings=embeddings,
            codes=None if embeddings is None else pack_codes(embeddings),
            probabilities={
                spec.name: kind.to_probabilities(spec, outputs[spec.name]).cpu().numpy()
                for spec, kind in self._classifying
            },
        )

    def predict_bytes(self, encoded: Sequence[bytes]) -> Predictions:
        """Answers for encoded images (PNG, JPEG, WebP).

        Raises:
            CorpusError: An image cannot be decoded or exceeds the limits.
        """
        if not encoded:
            raise ModelError("there is no image to predict; pass at least one")
        transforms = self.manifest.transforms
        images = np.stack([prepare_image(data, transforms) for data in encoded])
        return self.predict(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())

    def _check_images(self, images: Tensor) -> None:
        size = self.manifest.transforms.image_size
        if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != (3, size, size):
            raise ModelError(
                f"images are {images.dtype} {list(images.shape)}; the model takes uint8 [B, 3, {size}, {size}]"
            )
