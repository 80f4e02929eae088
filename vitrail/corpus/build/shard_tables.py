"""The tables of a corpus of a user's files, written shard by shard.

What is kept in memory of an image are its id, 16 bytes of its digest, and the numbers of `ItemColumns`.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vitrail.contracts.corpus import (
    INDEX_SCHEMA,
    QUARANTINE_SCHEMA,
    SIGNALS_SCHEMA,
    CorpusManifest,
    ShardInfo,
    index_file,
    signals_file,
)
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.indexing import IndexedShard
from vitrail.corpus.build.item_columns import ItemColumns
from vitrail.corpus.build.items import tasks_of
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.corpus.build.splitting import splits_of
from vitrail.corpus.build.writer import Card, finish_corpus
from vitrail.corpus.store.tables import write_table

__all__ = ["ShardTables"]

_DIGEST_DIGITS = 32  # 16 bytes: no two of any number of images agree by chance


class ShardTables:
    """A corpus on its way.

    Attributes:
        columns: What is known of the images of all shards, in their order; whoever adds shards fills it.
    """

    def __init__(self, folder: Path) -> None:
        """Begins in the folder of the corpus."""
        self.columns = ItemColumns()
        self._folder = folder
        self._infos: list[ShardInfo] = []
        self._ids: list[pa.Array] = []
        self._digests: list[bytes] = []
        self._quarantines: list[pa.Table] = []
        self._num_signals = 0

    def add(self, shard: IndexedShard, signals: pa.Table) -> None:
        """Writes the index and the texts of one more shard."""
        write_table(self._folder / index_file(shard.info.name), shard.index, INDEX_SCHEMA)
        write_table(self._folder / signals_file(shard.info.name), signals, SIGNALS_SCHEMA)
        self._infos.append(shard.info)
        self._ids.append(shard.index["image_id"].combine_chunks())
        self._digests.append(bytes.fromhex("".join(d[:_DIGEST_DIGITS] for d in shard.index["digest"].to_pylist())))
        self.add_quarantine(shard.quarantine)
        self._num_signals += len(signals)

    def add_quarantine(self, quarantine: pa.Table) -> None:
        """Lists images or metadata that cannot be used."""
        if len(quarantine):
            self._quarantines.append(quarantine)

    def join_equal_bytes(self) -> Components:
        """Which images are the same, byte for byte."""
        digests: NDArray[np.void] = np.frombuffer(b"".join(self._digests), np.dtype((np.void, _DIGEST_DIGITS // 2)))
        components = Components(len(digests))
        components.join_equal(np.arange(len(digests)), digests)
        return components

    def finish(
        self, name: str, description: str, looks: Components, declared: TaskDeclarations, unused: pa.Table
    ) -> CorpusManifest:
        """Writes everything else.

        Args:
            name: Of the corpus.
            description: For people.
            looks: Which images look alike.
            declared: What `tasks.json` declares.
            unused: UNUSED_SCHEMA.

        Raises:
            CorpusError: No image is usable, or a declared task has too few labels.
        """
        image_ids = pa.chunked_array(self._ids, pa.string())
        splits = splits_of(image_ids, self.columns, looks)
        quarantine = pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *self._quarantines])
        return finish_corpus(
            self._folder,
            Card(
                name=name,
                title=name,
                description=description,
                licences=("not stated: the images belong to whoever made them",),
            ),
            self._infos,
            splits=splits,
            tasks=tasks_of(image_ids, self.columns, declared),
            quarantine=quarantine,
            unused=unused,
            num_signals=self._num_signals,
        )
