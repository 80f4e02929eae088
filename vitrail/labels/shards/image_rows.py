"""From image ids to rows of the corpus, as integers: 16 bytes an image, memory-mapped by every worker."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from vitrail.contracts.files import atomic_file
from vitrail.corpus import Corpus
from vitrail.errors import LabelError
from vitrail.labels.arrays import to_offsets
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["ImageLookup", "build_lookup", "hash_ids", "look_up_images", "open_lookup", "read_image_ids"]

_SEEDS = (2108_05887, 2108_05888, 2108_05889)  # of 1.3 billion ids two meet under one seed in 5% of corpora


def hash_ids(ids: pa.Array | pa.ChunkedArray, seed: int) -> np.ndarray:
    """uint64, the integers that image ids are looked up by."""
    return pl.Series(pl.from_arrow(ids)).hash(seed).to_numpy()


@dataclass(frozen=True, kw_only=True)
class ImageLookup:
    """Rows of the corpus by hashed image id; shard s owns rows starts[s] : starts[s + 1]."""

    hashes: np.ndarray  # uint64 [N] ascending
    rows: np.ndarray  # int64 [N]
    starts: np.ndarray  # int64 [S + 1]
    seed: int  # of the hash

    def find(self, ids: pa.Array) -> np.ndarray:
        """int64 rows, -1 where the id is null or not in the corpus."""
        encoded = ids.dictionary_encode()
        wanted = hash_ids(encoded.dictionary, self.seed)
        slot = np.searchsorted(self.hashes, wanted)
        slot[slot == len(self.hashes)] = 0
        rows = np.where(self.hashes[slot] == wanted, self.rows[slot], -1) if len(self.hashes) else slot * 0 - 1
        rows = np.append(rows, -1)
        return rows[encoded.indices.fill_null(len(rows) - 1).to_numpy(zero_copy_only=False)]

    def shard_of(self, rows: np.ndarray) -> np.ndarray:
        """Number of the shard that holds each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1


def read_image_ids(corpus: Corpus, shard: str) -> pa.Array:
    """The image ids of one shard, in order."""
    return corpus.index_columns(shard, "image_id")["image_id"].combine_chunks()


def look_up_images(corpus: Corpus) -> ImageLookup:
    """The lookup of a corpus, in memory.

    Raises:
        LabelError: Two images have one id.
    """
    for seed in _SEEDS:
        parts = [hash_ids(read_image_ids(corpus, shard.name), seed) for shard in corpus.manifest.shards]
        hashes = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
        order = np.argsort(hashes, kind="stable").astype(np.int64)
        hashes = hashes[order]
        if not (hashes[1:] == hashes[:-1]).any():
            starts = to_offsets(np.array([len(part) for part in parts], dtype=np.int64))
            return ImageLookup(hashes=hashes, rows=order, starts=starts, seed=seed)
    # different ids do not meet under every seed
    raise LabelError(f"{corpus.path}: an image id occurs twice in index/; image ids must be unique in the corpus")


def build_lookup(corpus: Corpus, work: WorkFolder) -> None:
    """Writes the lookup of a corpus, unless it is there.

    Raises:
        LabelError: Two images have one id.
    """
    if work.starts.exists():
        return
    lookup = look_up_images(corpus)
    np.save(work.hashes, lookup.hashes)
    np.save(work.rows, lookup.rows)
    np.save(work.seed, lookup.seed)
    with atomic_file(work.starts) as partial, partial.open("wb") as stream:  # last: it says that all is there
        np.save(stream, lookup.starts)


def open_lookup(work: WorkFolder) -> ImageLookup:
    """Maps the lookup that `build_lookup` wrote."""
    hashes, rows = (np.load(path, mmap_mode="r") for path in (work.hashes, work.rows))
    return ImageLookup(hashes=hashes, rows=rows, starts=np.load(work.starts), seed=int(np.load(work.seed)))
