"""Golden images: encoded images of the test split and what the trainer's model says about them.

Shapes: N images, D embedding width, k neighbours, C outputs of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail import evaluation, models  # torch is loaded by those who ask a model, not by those who compare
from vitrail.contracts.bundle import GOLDEN_ANSWERS_FILE, GOLDEN_IMAGES_FILE, GOLDEN_SCHEMA
from vitrail.corpus import Corpus
from vitrail.errors import ServingError

__all__ = ["Golden", "choose_golden", "compute_golden", "read_golden", "write_golden"]

_PROBABILITIES = "probabilities/"


@dataclass(frozen=True, kw_only=True)
class Golden:
    """Images and the answers that an endpoint must give.

    Attributes:
        image_ids: Names of the N images.
        images: Encoded as they lie in the corpus.
        embeddings: Unit vectors, float32 [N, D].
        keys: Items of the index, int64 [N, k], nearest first.
        distances: Hamming distances in bits, int64 [N, k].
        probabilities: By head, float32 [N, C].
    """

    image_ids: Sequence[str]
    images: Sequence[bytes]
    embeddings: NDArray[np.float32]
    keys: NDArray[np.int64]
    distances: NDArray[np.int64]
    probabilities: dict[str, NDArray[np.float32]]


def choose_golden(corpus: Corpus, count: int) -> list[str]:
    """Images of the test split, evenly spread over it so that every domain and shard has its share.

    Raises:
        ServingError: The corpus has no test image.
    """
    splits = corpus.splits()
    test = splits.filter(pc.equal(splits["split"], "test"))["image_id"].to_pylist()
    if not test:
        raise ServingError(f"{corpus.path} has no image in split test; an endpoint cannot be proven without")
    rows = np.linspace(0, len(test) - 1, min(count, len(test))).round().astype(int)
    return [test[row] for row in rows]


def compute_golden(corpus: Corpus, model: Path, index: Path, *, count: int, num_neighbours: int) -> Golden:
    """Asks the trainer's predictor and the index that was made with it.

    Raises:
        ServingError: The corpus has no test image, or the model does not embed.
        ModelError, EvaluationError: Model or index are damaged or do not belong together.
    """
    image_ids = choose_golden(corpus, count)
    images = corpus.read_bytes(image_ids)
    predictor = models.Predictor(model)
    predictions = predictor.predict_bytes(images)
    if predictions.embeddings is None or predictions.codes is None:
        raise ServingError(f"{model} has no retrieval head, so its endpoint could not search")
    opened = evaluation.open_index(index, predictor.manifest.model_id)
    keys, distances = opened.search(predictions.codes, num_neighbours)
    return Golden(
        image_ids=image_ids,
        images=images,
        embeddings=predictions.embeddings,
        keys=keys,
        distances=distances,
        probabilities=predictions.probabilities,
    )


def write_golden(folder: Path, golden: Golden) -> None:
    """Writes images and answers; arrays only, nothing pickled."""
    folder.mkdir(parents=True)
    columns = {"image_id": list(golden.image_ids), "image": list(golden.images)}
    pq.write_table(pa.table(columns, schema=GOLDEN_SCHEMA), folder / GOLDEN_IMAGES_FILE)
    heads = {_PROBABILITIES + name: values for name, values in golden.probabilities.items()}
    np.savez(
        folder / GOLDEN_ANSWERS_FILE,
        allow_pickle=False,
        embeddings=golden.embeddings,
        keys=golden.keys,
        distances=golden.distances,
        **heads,
    )


def read_golden(folder: Path) -> Golden:
    """Reads what `write_golden` wrote.

    Raises:
        ServingError: The bundle has no golden images.
    """
    if not (folder / GOLDEN_ANSWERS_FILE).is_file():
        raise ServingError(f"{folder} has no golden answers; prepare the bundle with a corpus to prove it")
    images = pq.read_table(folder / GOLDEN_IMAGES_FILE, schema=GOLDEN_SCHEMA)
    with np.load(folder / GOLDEN_ANSWERS_FILE, allow_pickle=False) as answers:
        return Golden(
            image_ids=images["image_id"].to_pylist(),
            images=images["image"].to_pylist(),
            embeddings=answers["embeddings"],
            keys=answers["keys"],
            distances=answers["distances"],
            probabilities={
                name.removeprefix(_PROBABILITIES): answers[name]
                for name in answers.files
                if name.startswith(_PROBABILITIES)
            },
        )
