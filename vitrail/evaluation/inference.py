"""A model's answers for many images, in batches, with the time that inference alone took."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from torch import Tensor

from vitrail.contracts.models import Transforms
from vitrail.corpus import Corpus
from vitrail.corpus.reader.image_reader import read_images
from vitrail.evaluation.devices import Answered
from vitrail.models import Predictions

__all__ = ["Answers", "BatchPredictor", "Vectors", "answer_images", "predict_batches"]


class BatchPredictor(Protocol):
    """What answers batches of images: a model on its devices, or a function."""

    @property
    def transforms(self) -> Transforms:
        """How images are prepared for it."""

    @property
    def is_cuda(self) -> bool:
        """Whether batches go to GPUs."""

    def predict(self, batches: Iterable[tuple[list[str], Tensor]]) -> Iterator[Answered]:
        """Image ids, answers and seconds of inference of each batch, in order."""


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """N units embedded: unit vectors [N, D] and their packed bits [N, D/8]."""

    embeddings: NDArray[np.float32]
    codes: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a model says about N images.

    Attributes:
        image_ids: The images, in the order asked for [N].
        vectors: Embeddings and codes; None without a retrieval head.
        probabilities: By head [N, C].
        seconds: Spent in inference, summed over devices, without reading and decoding.
    """

    image_ids: NDArray[np.str_]
    vectors: Vectors | None
    probabilities: dict[str, NDArray[np.float32]]
    seconds: float


def predict_batches(
    corpus: Corpus,
    predictors: BatchPredictor,
    image_ids: Sequence[str],
    *,
    batch_size: int,
    num_workers: int,
    title: str,
) -> Iterator[Answered]:
    """Image ids, answers and seconds of inference of each batch, with a progress bar on a terminal."""
    console = Console(stderr=True)
    transforms, is_cuda = predictors.transforms, predictors.is_cuda
    batches = read_images(corpus, image_ids, transforms, batch_size, num_workers, pin_memory=is_cuda)
    total = -(-len(image_ids) // batch_size)
    answers = predictors.predict(batches)
    yield from track(answers, title, total, console=console, disable=not console.is_terminal)


def answer_images(
    corpus: Corpus,
    predictors: BatchPredictor,
    image_ids: Sequence[str],
    *,
    heads: Sequence[str],
    batch_size: int,
    num_workers: int,
) -> Answers:
    """Answers of the named heads, and embeddings where the model has them, for images of the corpus."""
    if not image_ids:
        raise ValueError("there is no image to answer")
    ids: list[str] = []
    parts: list[Predictions] = []
    seconds = 0.0
    batches = predict_batches(
        corpus, predictors, image_ids, batch_size=batch_size, num_workers=num_workers, title="evaluating"
    )
    for batch_ids, predictions, elapsed in batches:
        ids += batch_ids
        parts.append(predictions)
        seconds += elapsed
    return Answers(
        image_ids=np.array(ids, dtype=np.str_),
        vectors=_join(parts),
        probabilities={head: np.concatenate([part.probabilities[head] for part in parts]) for head in heads},
        seconds=seconds,
    )


def _join(parts: Sequence[Predictions]) -> Vectors | None:
    pairs = [(part.embeddings, part.codes) for part in parts if part.embeddings is not None and part.codes is not None]
    if not pairs:
        return None
    embeddings, codes = zip(*pairs, strict=True)
    return Vectors(embeddings=np.concatenate(embeddings), codes=np.concatenate(codes))
