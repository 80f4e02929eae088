"""An opened corpus: its tables, and the bytes of its images at random."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrail.contracts.codec import read
from vitrail.contracts.corpus import (
    INDEX_SCHEMA,
    SIGNALS_FILES,
    SPLITS_FILE,
    SPLITS_SCHEMA,
    TASK_SCHEMA,
    CorpusManifest,
    ShardInfo,
    index_file,
    tar_file,
    task_file,
)
from vitrail.corpus.store.tables import read_batches, read_table
from vitrail.corpus.store.tar_storage import ShardFiles, ShardStorage, open_storage
from vitrail.errors import CorpusError
from vitrail.tasks import find_problem

__all__ = ["REBUILD", "Corpus", "open_corpus"]

_MAX_OPEN_TARS = 16
REBUILD = CorpusManifest.REMEDY


class Corpus:
    """A corpus folder. Tables are read when asked for; images stay where they lie."""

    def __init__(self, path: Path, manifest: CorpusManifest, storage: ShardStorage | None = None) -> None:
        """Takes the tars from `storage`, by default from where the folder says they lie."""
        self.path = path
        self.manifest = manifest
        self.storage = storage or open_storage(path)

    def shard_path(self, shard: str) -> Path:
        """The tar of a shard."""
        return self.path / tar_file(shard)

    def shard_index(self, shard: str) -> pa.Table:
        """The index of one shard: INDEX_SCHEMA plus `shard` and `row` (the row inside the shard)."""
        table = read_table(self.path / index_file(shard), INDEX_SCHEMA, REBUILD)
        names = pa.array([shard] * len(table), pa.string())
        rows = pa.array(np.arange(len(table), dtype=np.int32))
        return table.append_column("shard", names).append_column("row", rows)

    def index_columns(self, shard: str, *names: str) -> pa.Table:
        """Some columns of the index of one shard; reads no others."""
        schema = pa.schema([INDEX_SCHEMA.field(name) for name in names])
        return read_table(self.path / index_file(shard), schema, REBUILD)

    def index(self) -> pa.Table:
        """The indices of all shards in manifest order; the position in this table is the global row."""
        return pa.concat_tables([self.shard_index(shard.name) for shard in self.manifest.shards]).combine_chunks()

    def image_ids(self) -> pa.ChunkedArray:
        """The ids of all images, in the order of the index; reads no other column."""
        columns = [self.index_columns(shard.name, "image_id")["image_id"] for shard in self.manifest.shards]
        return pa.chunked_array([chunk for column in columns for chunk in column.chunks], pa.string())

    def signal_files(self) -> list[Path]:
        """The Parquet files that hold the texts, in order."""
        return sorted(self.path.glob(SIGNALS_FILES))

    def splits(self) -> pa.Table:
        """Group, split and domain of every image, in the order of the index."""
        return read_table(self.path / SPLITS_FILE, SPLITS_SCHEMA, REBUILD)

    def indexed_splits(self, column: str) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Index (image_id and one column more) and splits of each shard in turn; memory: a shard and a row group.

        Raises:
            CorpusError: The splits do not have one row per image in the order of the index.
        """
        file = self.path / SPLITS_FILE
        batches = read_batches(file, SPLITS_SCHEMA, REBUILD)
        ahead = SPLITS_SCHEMA.empty_table()
        for shard in self.manifest.shards:
            index = self.index_columns(shard.name, "image_id", column)
            while len(ahead) < len(index) and (batch := next(batches, None)) is not None:
                ahead = pa.concat_tables([ahead, batch])
            splits, ahead = ahead.slice(0, len(index)), ahead.slice(len(index))
            if not splits["image_id"].equals(index["image_id"]):
                raise CorpusError(f"{file} does not have the images of shard {shard.name} in its order; {REBUILD}")
            yield index, splits

    def task_labels(self, task: str) -> pa.Table:
        """The labels of one task.

        Raises:
            CorpusError: The corpus has no such task.
        """
        names = [info.name for info in self.manifest.tasks]
        if task not in names:
            raise CorpusError(f"{self.path} has no task {task!r}; it has {', '.join(names) or 'none'}")
        return read_table(self.path / task_file(task), TASK_SCHEMA, REBUILD)

    @functools.cached_property
    def _places(self) -> dict[str, tuple[ShardInfo, int, int]]:
        shards = {shard.name: shard for shard in self.manifest.shards}
        table = self.index()
        columns = (table[name].to_pylist() for name in ("image_id", "shard", "offset", "size"))
        return {image_id: (shards[name], offset, size) for image_id, name, offset, size in zip(*columns, strict=True)}

    def read_bytes(self, image_ids: Sequence[str]) -> list[bytes]:
        """The encoded images, in the order asked for.

        Raises:
            CorpusError: An image_id is unknown, or its tar cannot be had or is not of the size it was indexed with.
        """
        files = ShardFiles(self.storage, _MAX_OPEN_TARS)
        try:
            return [self._read_one(image_id, files) for image_id in image_ids]
        finally:
            files.close()

    def _read_one(self, image_id: str, files: ShardFiles) -> bytes:
        if image_id not in self._places:
            raise CorpusError(f"{self.path} has no image {image_id!r}")
        shard, offset, size = self._places[image_id]
        try:
            return files.read(shard, offset, size)
        except CorpusError as error:
            raise CorpusError(f"image {image_id!r}: {error}") from error


def open_corpus(path: Path) -> Corpus:
    """Opens a corpus folder by its manifest; `check_corpus` verifies what is in it.

    Raises:
        CorpusError: There is no corpus, it is of another schema version, or has a task of a kind that is not known.
    """
    manifest = read(CorpusManifest, path)
    for task in manifest.tasks:
        if problem := find_problem(task):
            raise CorpusError(f"{path / manifest.FILE}: task {task.name!r} cannot be used: {problem}; {REBUILD}")
    return Corpus(path, manifest)
