"""WebDataset and img2dataset shards, used as they lie.

The tars are hard-linked into the corpus (copied when they are on another file system) and never rewritten.
Texts and labels come from `.txt`, `.json` and `.cls` members and from an img2dataset `.parquet` beside each.
"""

import logging
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import SHARDS_FOLDER, CorpusManifest
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.items import signals_of, splits_of, tasks_of
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.table_rows import parse_object, read_columns
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.corpus.build.writer import Card, write_corpus
from vitrail.errors import CorpusError

__all__ = ["build_webdataset"]

_LOGGER = logging.getLogger(__name__)
_TEXT_EXTENSIONS = ("txt", "caption", "cls")


def build_webdataset(source: Path, folder: Path, name: str) -> CorpusManifest:
    """Builds a corpus around the tars of `source`.

    When two tars share a key, every image_id is prefixed with the name of its tar.

    Raises:
        CorpusError: A tar is damaged or has two images under one key, or a metadata file cannot be read.
    """
    (folder / SHARDS_FOLDER).mkdir()
    shards = _unique_ids([index_shard(tar) for tar in sorted(source.glob("*.tar"))])
    for shard in shards:
        _place(shard.path, folder / SHARDS_FOLDER / shard.path.name)
    refusals = Refusals()
    declared = TaskDeclarations.read(source)
    reader = MetadataReader(refusals, declared)
    items: dict[str, Item] = {}
    looks: dict[str, str] = {}
    num_skipped = 0
    for shard in shards:
        records, skipped = _records(shard, source / f"{shard.info.name}.parquet", refusals)
        num_skipped += skipped
        ids, digests = (shard.index[column].to_pylist() for column in ("image_id", "digest"))
        looks.update(zip(ids, digests, strict=True))
        items.update((key, _item(shard, key, records.get(key, {}), reader, refusals)) for key in ids)
    refusals.require_few()
    reader.require_declared()
    reader.log()
    refusals.log()
    return write_corpus(
        folder,
        _card(name, len(shards), num_skipped),
        shards,
        signals=signals_of(items),
        splits=splits_of(items, looks),
        tasks=tasks_of(items, declared),
        refused=refusals.table(),
    )


def _item(shard: IndexedShard, key: str, record: Mapping[str, Any], reader: MetadataReader, refusals: Refusals) -> Item:
    refusals.count_row()
    return reader.read(record, Place(shard.path.name, key, f"{shard.path}, key {key!r}")) or Item()


def _card(name: str, num_shards: int, num_skipped: int) -> Card:
    skipped = f" {num_skipped} texts are not UTF-8 or not JSON and were left out." if num_skipped else ""
    return Card(
        name=name,
        title=name,
        description=f"{num_shards} WebDataset shards as they lie.{skipped}",
        licences=("not stated: the images belong to whoever made them",),
    )


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


def _unique_ids(shards: Sequence[IndexedShard]) -> list[IndexedShard]:
    counts = Counter(image_id for shard in shards for image_id in shard.index["image_id"].to_pylist())
    if not counts or counts.most_common(1)[0][1] == 1:
        return list(shards)
    return [_prefixed(shard) for shard in shards]


def _prefixed(shard: IndexedShard) -> IndexedShard:
    prefix = f"{shard.info.name}/"
    return replace(
        shard,
        index=_prefix_column(shard.index, prefix),
        quarantine=_prefix_column(shard.quarantine, prefix),
        texts={prefix + key: members for key, members in shard.texts.items()},
    )


def _prefix_column(table: pa.Table, prefix: str) -> pa.Table:
    at = table.schema.get_field_index("image_id")
    return table.set_column(at, "image_id", pc.binary_join_element_wise(prefix, table["image_id"], ""))


def _records(shard: IndexedShard, parquet: Path, refusals: Refusals) -> tuple[dict[str, dict[str, Any]], int]:
    """Metadata by image_id (the tar's come before the parquet's), and how many texts cannot be read."""
    records: dict[str, dict[str, Any]] = {}
    num_skipped = 0
    for key, members in shard.texts.items():
        record: dict[str, Any] = {}
        for extension in sorted(members.keys() & {*_TEXT_EXTENSIONS, "json"}):
            where = f"{shard.path.name}: {key}.{extension}"
            try:
                found = _parse(shard.read(members[extension]), extension)
            except ValueError as error:
                _LOGGER.warning("%s is left out: %s", where, error)
                refusals.add_value(shard.path.name, key, f"{where}: {error}")
                num_skipped += 1
                continue
            for name in [name for name in found if name in record and record[name] != found[name]]:
                said = f"{found[name]!r:.80}, and {record[name]!r:.80} in a member before it"
                refusals.add_value(shard.path.name, key, f"{where}: {name!r} is {said}; keep one")
            record.update({name: value for name, value in found.items() if name not in record})
        records[key] = record
    if parquet.is_file():
        _add_parquet(records, shard, parquet)
    return records, num_skipped


def _parse(data: bytes, extension: str) -> dict[str, Any]:
    text = data.decode("utf-8-sig")
    return parse_object(text) if extension == "json" else {extension: text.strip()}


def _add_parquet(records: dict[str, dict[str, Any]], shard: IndexedShard, parquet: Path) -> None:
    columns = read_columns(parquet)
    if "key" not in columns:
        raise CorpusError(f"{parquet} has no column 'key' (img2dataset writes it); add it or remove the file")
    prefix = f"{shard.info.name}/" if any(key.startswith(f"{shard.info.name}/") for key in shard.texts) else ""
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        record = records.setdefault(f"{prefix}{row['key']}", {})
        record.update({name: value for name, value in row.items() if name not in record})
