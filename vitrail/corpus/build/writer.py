"""Writes the tables and the card of a corpus around its shards."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.codec import encode, write
from vitrail.contracts.corpus import (
    INDEX_SCHEMA,
    QUARANTINE_FILE,
    QUARANTINE_SCHEMA,
    SIGNALS_SCHEMA,
    SPLITS_FILE,
    SPLITS_SCHEMA,
    TASK_SCHEMA,
    UNUSED_FILE,
    UNUSED_SCHEMA,
    CorpusManifest,
    ShardInfo,
    TaskInfo,
    index_file,
    signals_file,
    task_file,
)
from vitrail.contracts.files import digest_file, digest_json
from vitrail.corpus.build.indexing import IndexedShard
from vitrail.corpus.class_coverage import cover_classes
from vitrail.corpus.store.tables import write_table
from vitrail.errors import CorpusError

__all__ = ["Card", "TaskTable", "digest_corpus", "finish_corpus", "write_corpus"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Card:
    """Who made the images of a corpus, and what may be done with them."""

    name: str
    title: str
    description: str
    licences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TaskTable:
    """A task and its labels (TASK_SCHEMA)."""

    info: TaskInfo
    labels: pa.Table


def write_corpus(
    folder: Path,
    card: Card,
    shards: Sequence[IndexedShard],
    *,
    signals: pa.Table,
    splits: pa.Table,
    tasks: Sequence[TaskTable],
    unused: pa.Table | None = None,
) -> CorpusManifest:
    """Writes index, quarantine, signals, splits, tasks and `corpus.json` into a folder that holds `shards/`.

    Texts and labels of images that are not in the index are left out: they are in quarantine. The signals of
    the images of one shard make one file.

    Args:
        folder: Where the corpus is built.
        card: Its name and licences.
        shards: Its tars with their indices.
        signals: Texts (SIGNALS_SCHEMA).
        splits: One row per image (SPLITS_SCHEMA).
        tasks: Labels by task.
        unused: What the source offers and the corpus does not use (UNUSED_SCHEMA).

    Raises:
        CorpusError: Two images have one id, or no image is usable.
    """
    indexed = pa.chunked_array([chunk for shard in shards for chunk in shard.index["image_id"].chunks], pa.string())
    _require_distinct(shards, indexed)
    rows = pc.index_in(signals["image_id"], value_set=indexed)
    for shard, own in zip(shards, _by_shard(rows, shards), strict=True):
        write_table(folder / index_file(shard.info.name), shard.index, INDEX_SCHEMA)
        write_table(folder / signals_file(shard.info.name), signals.take(own), SIGNALS_SCHEMA)
    return finish_corpus(
        folder,
        card,
        [shard.info for shard in shards],
        splits=splits.take(pc.index_in(indexed, value_set=splits["image_id"])),
        tasks=[replace(task, labels=_only(task.labels, indexed)) for task in tasks],
        quarantine=pa.concat_tables([shard.quarantine for shard in shards]),
        unused=unused,
        num_signals=len(rows) - rows.null_count,
    )


def finish_corpus(
    folder: Path,
    card: Card,
    shards: Sequence[ShardInfo],
    *,
    splits: pa.Table,
    tasks: Sequence[TaskTable],
    quarantine: pa.Table,
    unused: pa.Table | None,
    num_signals: int,
) -> CorpusManifest:
    """Writes the rest of a corpus into a folder that holds tars, indices and signals: all that is not by shard.

    Args:
        folder: Where the corpus is built.
        card: Its name and licences.
        shards: Its tars.
        splits: One row per image, in the order of the index (SPLITS_SCHEMA).
        tasks: Labels by task, of images in the index.
        quarantine: Images and metadata that cannot be used (QUARANTINE_SCHEMA).
        unused: What the source offers and the corpus does not use (UNUSED_SCHEMA).
        num_signals: Texts in all.

    Raises:
        CorpusError: No image is usable.
    """
    if not len(splits):
        reason = quarantine["reason"][0].as_py()
        raise CorpusError(f"corpus {card.name!r} has no usable image; the first is refused because {reason}")
    write_table(folder / QUARANTINE_FILE, quarantine, QUARANTINE_SCHEMA)
    if unused is not None and len(unused):
        write_table(folder / UNUSED_FILE, unused, UNUSED_SCHEMA)
    write_table(folder / SPLITS_FILE, splits, SPLITS_SCHEMA)
    for task in tasks:
        write_table(folder / task_file(task.info.name), task.labels, TASK_SCHEMA)
        _log_coverage(task.info, task.labels, splits)
    infos = tuple(task.info for task in tasks)
    manifest = CorpusManifest(
        name=card.name,
        title=card.title,
        description=card.description,
        licences=card.licences,
        shards=tuple(shards),
        tasks=infos,
        num_images=len(splits),
        num_signals=num_signals,
        num_quarantined=len(quarantine),
        digest=digest_corpus(folder, shards, infos),
    )
    write(folder, manifest)
    return manifest


def digest_corpus(folder: Path, shards: Sequence[ShardInfo], tasks: Sequence[TaskInfo]) -> str:
    """The identity of a corpus: shard digests in order, task definitions, and the digest of every table."""
    tables = sorted(path for path in folder.rglob("*.parquet"))
    return digest_json(
        {
            "schema_version": CorpusManifest.VERSION,
            "shards": [[shard.name, shard.digest] for shard in shards],
            "tasks": [encode(task) for task in tasks],
            "tables": {path.relative_to(folder).as_posix(): digest_file(path) for path in tables},
        }
    )


def _require_distinct(shards: Sequence[IndexedShard], indexed: pa.ChunkedArray) -> None:
    if pc.count_distinct(indexed).as_py() == len(indexed):
        return
    seen: dict[str, str] = {}
    for shard in shards:
        for image_id in shard.index["image_id"].to_pylist():
            if image_id in seen:
                raise CorpusError(
                    f"{shard.path} and {seen[image_id]} both hold an image with the key {image_id!r}; "
                    "image ids must be unique in a corpus: rename one"
                )
            seen[image_id] = str(shard.path)


def _by_shard(rows: pa.ChunkedArray, shards: Sequence[IndexedShard]) -> Iterator[pa.Array]:
    """For each shard, where its images' texts stand, in their order; `rows` are those of the index, or null."""
    at = np.flatnonzero(rows.is_valid().to_numpy())
    ends = np.cumsum([shard.info.num_images for shard in shards])
    owners = np.searchsorted(ends, rows.drop_null().to_numpy(), side="right")
    order = np.argsort(owners, kind="stable")
    for own in np.split(at[order], np.searchsorted(owners[order], np.arange(1, len(shards)))):
        yield pa.array(own)


def _log_coverage(task: TaskInfo, labels: pa.Table, splits: pa.Table) -> None:
    if task.classes:
        for warning in cover_classes(task, labels, splits).warnings():
            _LOGGER.warning("%s", warning)


def _only(table: pa.Table, image_ids: pa.ChunkedArray) -> pa.Table:
    return table.filter(pc.is_in(table["image_id"], value_set=image_ids))
