"""Verifies that a corpus folder is what its contract says."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.corpus import (
    QUARANTINE_FILE,
    QUARANTINE_SCHEMA,
    SIGNALS_SCHEMA,
    SPLITS,
    SPLITS_FILE,
    CorpusManifest,
    ShardInfo,
    TaskInfo,
    index_file,
    task_file,
)
from vitrail.corpus.build.writer import digest_corpus
from vitrail.corpus.class_coverage import cover_classes
from vitrail.corpus.corpus import REBUILD, Corpus, open_corpus
from vitrail.corpus.store.tables import read_batches, read_table
from vitrail.errors import CorpusError
from vitrail.tasks import find_kind

__all__ = ["check_corpus"]

_LOGGER = logging.getLogger(__name__)
_NO_IDS = pa.chunked_array([], pa.string())


def check_corpus(path: Path) -> CorpusManifest:
    """Verifies the digests, schemas, counts and joins of a corpus; logs which classes cannot be learned or measured.

    Raises:
        CorpusError: Something is missing, damaged or of another corpus; the message names file and remedy.
    """
    corpus = open_corpus(path)
    for shard in corpus.manifest.shards:
        _check_shard(corpus, shard)
    ids = {shard.name: _ids(corpus, shard) for shard in corpus.manifest.shards}
    images = pa.chunked_array([chunk for own in ids.values() for chunk in own.chunks], pa.string())
    if pc.count_distinct(images).as_py() != len(images):
        raise CorpusError(f"{path / 'index'} holds an image_id twice; {REBUILD}")
    _check_signals(corpus, ids, images)
    _check_splits(corpus, images)
    for task in corpus.manifest.tasks:
        _check_task(corpus, task, images)
    _check_totals(corpus, images)
    return corpus.manifest


def _check_shard(corpus: Corpus, shard: ShardInfo) -> None:
    corpus.storage.verify(shard)
    table = corpus.shard_index(shard.name)
    where = corpus.path / index_file(shard.name)
    if len(table) != shard.num_images:
        raise CorpusError(f"{where} has {len(table)} rows, the manifest says {shard.num_images}; {REBUILD}")
    if len(table) and pc.max(pc.add(table["offset"], table["size"])).as_py() > shard.size:
        raise CorpusError(f"{where} points past the end of {shard.name}.tar; {REBUILD}")


def _ids(corpus: Corpus, shard: ShardInfo) -> pa.ChunkedArray:
    return corpus.index_columns(shard.name, "image_id")["image_id"]


def _check_signals(corpus: Corpus, ids: Mapping[str, pa.ChunkedArray], images: pa.ChunkedArray) -> None:
    """Looks for the images of a file in the shard of its name, then for all that lie elsewhere at once."""
    elsewhere: list[tuple[Path, pa.Array]] = []
    for file in corpus.signal_files():
        for table in read_batches(file, SIGNALS_SCHEMA, REBUILD):
            for column in ("post_id", "source", "text", "weight", "observed_at"):
                if table[column].null_count:
                    raise CorpusError(f"{file}: column {column!r} has {table[column].null_count} nulls; {REBUILD}")
            strangers = _unknown(table["image_id"], ids.get(file.stem, _NO_IDS)).unique()
            if len(strangers):
                elsewhere.append((file, strangers))
    together = pa.chunked_array([strangers for _, strangers in elsewhere], pa.string())
    if len(_unknown(together, images)):
        for file, strangers in elsewhere:
            _require_known(file, pa.chunked_array([strangers]), images)


def _check_splits(corpus: Corpus, images: pa.ChunkedArray) -> None:
    file = corpus.path / SPLITS_FILE
    table = corpus.splits()
    if not table["image_id"].equals(images):
        _require_known(file, table["image_id"], images)
        raise CorpusError(f"{file} does not have one row per image in the order of the index; {REBUILD}")
    _require_values(file, table["split"], SPLITS)
    pairs = table.select(["group", "split"]).group_by("group").aggregate([("split", "count_distinct")])
    straddling = pairs.filter(pc.greater(pairs["split_count_distinct"], 1))["group"].to_pylist()
    if straddling:
        raise CorpusError(f"{file}: group {straddling[0]!r} is in more than one split; {REBUILD}")


def _check_task(corpus: Corpus, task: TaskInfo, images: pa.ChunkedArray) -> None:
    file = corpus.path / task_file(task.name)
    table = corpus.task_labels(task.name)
    _require_known(file, table["image_id"], images)
    if table["label"].null_count or table["observed_at"].null_count:
        raise CorpusError(f"{file} has labels or times that are null; {REBUILD}")
    key = ["image_id"] if find_kind(task.kind).targets == "one" else ["image_id", "label"]
    if len(table.group_by(key).aggregate([])) != len(table):
        raise CorpusError(f"{file} labels an image twice; {REBUILD}")
    if task.classes:
        _require_values(file, table["label"], task.classes)
        for warning in cover_classes(task, table, corpus.splits()).warnings():
            _LOGGER.warning("%s: %s", corpus.path, warning)


def _check_totals(corpus: Corpus, images: pa.ChunkedArray) -> None:
    manifest, path = corpus.manifest, corpus.path
    quarantine = read_table(path / QUARANTINE_FILE, QUARANTINE_SCHEMA, REBUILD)
    num_signals = sum(pq.read_metadata(file).num_rows for file in corpus.signal_files())
    found = (len(images), num_signals, len(quarantine))
    promised = (manifest.num_images, manifest.num_signals, manifest.num_quarantined)
    if found != promised:
        raise CorpusError(f"{path}: images, texts and quarantined are {found}, the manifest says {promised}; {REBUILD}")
    if digest_corpus(path, manifest.shards, manifest.tasks) != manifest.digest:
        raise CorpusError(f"{path}: a table has changed since the corpus was built (digest differs); {REBUILD}")


def _require_known(file: Path, ids: pa.ChunkedArray, images: pa.ChunkedArray) -> None:
    unknown = _unknown(ids, images)
    if len(unknown):
        raise CorpusError(
            f"{file} names {len(unknown)} images that are not in the index (first: {unknown[0].as_py()!r}): "
            f"it belongs to another corpus; {REBUILD}"
        )


def _unknown(ids: pa.ChunkedArray, images: pa.ChunkedArray) -> pa.ChunkedArray:
    return ids.filter(pc.invert(pc.is_in(ids, value_set=images)))


def _require_values(file: Path, column: pa.ChunkedArray, allowed: tuple[str, ...]) -> None:
    bad = column.filter(pc.invert(pc.is_in(column, value_set=pa.array(allowed, pa.string()))))
    if len(bad):
        raise CorpusError(f"{file} holds {bad[0].as_py()!r}, which is none of {', '.join(allowed)}; {REBUILD}")
