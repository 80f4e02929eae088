"""Images of a corpus by global row: where they lie, and their verified bytes."""

import functools
import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from vitrail.contracts.corpus import ShardInfo
from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.corpus.reader.selection import shard_starts
from vitrail.corpus.store.tar_storage import ShardFiles
from vitrail.errors import CorpusError

__all__ = ["CorpusImages", "ShardIndex", "pick"]

_CACHED_SHARDS = 64


class ShardIndex(NamedTuple):
    """The index of one tar, as columns."""

    image_ids: pa.Array
    offsets: np.ndarray
    sizes: np.ndarray
    digests: pa.Array


class CorpusImages:
    """Random access by global row. Keeps the indices of the 64 shards used last, never that of the corpus."""

    def __init__(self, corpus: Corpus, *, verify_digests: bool = True, max_open_tars: int = 16) -> None:
        self.shards: tuple[ShardInfo, ...] = corpus.manifest.shards
        self.starts = shard_starts(shard.num_images for shard in self.shards)
        self.corpus = corpus
        self._files = ShardFiles(corpus.storage, max_open_tars)
        self._verify_digests = verify_digests
        self.index = functools.lru_cache(maxsize=_CACHED_SHARDS)(self._read_index)

    def shard_at(self, row: int) -> ShardInfo:
        """The shard of a global row."""
        return self.shards[self._number(row)]

    def runs(self, rows: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """(shard number, begin, end) of each stretch of ascending global rows that lies in one shard."""
        numbers, begins = np.unique(np.searchsorted(self.starts, rows, side="right") - 1, return_index=True)
        ends = [*begins[1:].tolist(), len(rows)]
        yield from zip(numbers.tolist(), begins.tolist(), ends, strict=True)

    def announce(self, current: np.ndarray, following: np.ndarray) -> None:
        """Says which tars are read now and next, so that a remote storage can fetch ahead."""
        self.corpus.storage.announce(*([self.shards[number] for number in part] for part in (current, following)))

    def _number(self, row: int) -> int:
        return int(np.searchsorted(self.starts, row, side="right")) - 1

    def read(self, rows: np.ndarray) -> Iterator[bytes]:
        """The encoded images at ascending global rows.

        Raises:
            CorpusError: The tar cannot be had, or changed since it was indexed; names shard and key.
        """
        for number, begin, end in self.runs(rows):
            shard, index = self.shards[number], self.index(number)
            local = rows[begin:end] - self.starts[number]
            offsets, sizes = index.offsets[local].tolist(), index.sizes[local].tolist()
            digests = pick(index.digests, local)
            for row, offset, size, digest in zip(rows[begin:end].tolist(), offsets, sizes, digests, strict=True):
                try:
                    data = self._files.read(shard, offset, size)
                except (CorpusError, OSError) as error:
                    raise CorpusError(f"{self._name(row)}: {error}") from error
                if len(data) != size or (self._verify_digests and _digest(data) != digest):
                    raise CorpusError(
                        f"{self._name(row)}: the tar changed since it was indexed; "
                        "restore it, or build the corpus again (`vitrail corpus build`)"
                    )
                yield data

    def decode(self, row: int, transforms: Transforms, limits: ImageLimits) -> np.ndarray:
        """The prepared pixels at a global row, uint8 [S, S, 3].

        Raises:
            CorpusError: As `read`, or the image cannot be decoded; the message names shard and key.
        """
        (data,) = self.read(np.array([row]))
        try:
            return prepare_image(data, transforms, limits)
        except CorpusError as error:
            raise CorpusError(f"{self._name(row)}: {error}") from error

    def _name(self, row: int) -> str:
        number = self._number(row)
        image_id = self.index(number).image_ids[row - int(self.starts[number])]
        return f"shard {self.shards[number].name}, image {image_id}"

    def _read_index(self, number: int) -> ShardIndex:
        shard = self.shards[number]
        table = self.corpus.shard_index(shard.name)
        if len(table) != shard.num_images:
            raise CorpusError(
                f"index/{shard.name}.parquet has {len(table):,} rows and corpus.json says "
                f"{shard.num_images:,}; build the corpus again (`vitrail corpus build`)"
            )
        image_ids, digests = (table[name].combine_chunks() for name in ("image_id", "digest"))
        return ShardIndex(image_ids, table["offset"].to_numpy(), table["size"].to_numpy(), digests)


def pick(column: pa.Array, rows: np.ndarray) -> list[Any]:
    """Few values of a column: `take` costs 80 us a call before it takes the first."""
    return [column[row].as_py() for row in rows.tolist()]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
