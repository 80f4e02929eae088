"""What may be trained on: the split "train", without copies of the images that models are evaluated on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.corpus.corpus import Corpus
from vitrail.corpus.hashing import hash_uint64
from vitrail.corpus.reader.selection import Selection, shard_starts
from vitrail.errors import TrainingError

__all__ = ["train_rows"]


def train_rows(corpus: Corpus, *, drop_evaluation_copies: bool) -> Selection:
    """The split "train".

    Memory: a bit a row, and 16 bytes for each image of the other splits while their copies are looked for.

    Args:
        corpus: Whose rows.
        drop_evaluation_copies: Leave out images whose bytes also are an image of "val" or "test".

    Raises:
        TrainingError: There are none.
    """
    held_out = _held_out(corpus) if drop_evaluation_copies else np.zeros(0, dtype=np.uint64)
    starts = shard_starts(shard.num_images for shard in corpus.manifest.shards)
    masks = (_is_train(splits) & ~_is_among(index, held_out) for index, splits in corpus.indexed_splits("digest"))
    selection = Selection.of_masks(starts, masks)
    if not len(selection):
        raise TrainingError(f"{corpus.path} has no image to train on in split 'train'; check splits.parquet")
    return selection


def _held_out(corpus: Corpus) -> NDArray[np.uint64]:
    """Sorted fingerprints of the images of the other splits."""
    shards = corpus.indexed_splits("digest")
    found = np.concatenate([_fingerprints(index)[~_is_train(splits)] for index, splits in shards])
    found.sort()
    return found


def _is_train(splits: pa.Table) -> NDArray[np.bool_]:
    return pc.equal(splits["split"], "train").to_numpy()


def _is_among(index: pa.Table, held_out: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(held_out):
        return np.zeros(len(index), dtype=bool)
    own = _fingerprints(index)
    return held_out[np.minimum(np.searchsorted(held_out, own), len(held_out) - 1)] == own


def _fingerprints(index: pa.Table) -> NDArray[np.uint64]:
    """64 bits of each digest; in one of forty corpora of a billion images, two different ones agree by chance."""
    digits = pc.binary_slice(index["digest"].cast(pa.binary()).combine_chunks(), 0, 16)
    words = np.frombuffer(b"".join(digits.to_pylist()), dtype=np.int64).reshape(-1, 2)
    return hash_uint64(0, words[:, 0], words[:, 1])
