"""WebDataset and img2dataset shards, used as they lie.

The tars are hard-linked into the corpus (copied when they are on another file system) and never rewritten.
Texts and labels come from `.txt`, `.json` and `.cls` members and from an img2dataset `.parquet` beside each.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import SHARDS_FOLDER, CorpusManifest, tar_file
from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.image_ids import fingerprint_texts
from vitrail.corpus.build.indexing import IndexedShard
from vitrail.corpus.build.items import signals_of
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.key_tables import KeyMatcher, describe_unmatched, read_key_rows
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.sidecars import read_sidecars
from vitrail.corpus.build.metadata.split_words import split_word
from vitrail.corpus.build.metadata.task_declarations import DECLARATIONS_FILE, TaskDeclarations
from vitrail.corpus.build.placing import place_tar
from vitrail.corpus.build.progress import Progress
from vitrail.corpus.build.shard_jobs import IndexJob, index_tar
from vitrail.corpus.build.shard_tables import ShardTables
from vitrail.corpus.build.source import FolderLayout, Workplace
from vitrail.corpus.build.unused import Unused
from vitrail.corpus.build.work import ShardWork
from vitrail.corpus.build.workers import run_in_order
from vitrail.errors import CorpusError

__all__ = ["SOURCES", "build_webdataset"]

_STATISTICS = "_stats.json"


def recognise(files: FolderFiles) -> bool:
    """Whether a folder is one of shards: tars at its top, or further down and no pictures."""
    is_top = any(path.parent == files.source for path in files.tars)
    return is_top or bool((files.tars or files.compressed_tars) and not files.images)


def build_webdataset(files: FolderFiles, folder: Path, name: str, workplace: Workplace) -> CorpusManifest:
    """Builds a corpus around the tars of a folder and below.

    When two tars share a key, every image_id is prefixed with the name of its tar. Tars without a usable image
    are left out and listed.

    Raises:
        CorpusError: A tar is compressed, damaged or truncated, or a metadata file cannot be read.
    """
    _require_tars(files)
    unused, refusals = Unused(files), Refusals()
    declared = TaskDeclarations.read(files.source)
    reader = MetadataReader(refusals, declared)
    found = _index(files, workplace)
    _list_beside(files, unused)
    usable, is_prefixed = _usable(found, files, unused)
    (folder / SHARDS_FOLDER).mkdir()
    tables = ShardTables(folder)
    for shard in (_named(work.load(), tar_name) for work, tar_name in usable):
        place_tar(shard.path, folder / tar_file(shard.info.name))
        prefix = f"{shard.info.name}/" if is_prefixed else ""
        items = _items(shard, prefix, files, unused, reader, refusals)
        for item in items.values():
            tables.columns.append(item)
        tables.add(_prefixed(shard, prefix), signals_of(items))
    for work, tar_name in found:
        if not work.info().num_images:
            tables.add_quarantine(_named(work.load(), tar_name).quarantine)
    refusals.require_few()
    reader.require_declared()
    reader.log()
    refusals.log()
    tables.add_quarantine(refusals.table())
    description = f"{len(usable)} WebDataset shards as they lie."
    return tables.finish(name, description, tables.join_equal_bytes(), declared, unused.table())


SOURCES = (FolderLayout(rank=1, recognises=recognise, build=build_webdataset),)


def _index(files: FolderFiles, workplace: Workplace) -> list[tuple[ShardWork, str]]:
    """The work on each tar, and its name in the corpus."""
    jobs = [
        IndexJob(work=workplace.folder / f"{number:05d}", tar=tar, is_trusted=workplace.is_trusted)
        for number, tar in enumerate(files.tars)
    ]
    progress = Progress("indexing", sum(tar.stat().st_size for tar in files.tars) >> 20, "MB of tars")
    for job, is_new in zip(jobs, run_in_order(index_tar, jobs, len(jobs)), strict=True):
        progress.add(job.tar.stat().st_size >> 20, is_new=is_new)
    return [(ShardWork(job.work), name) for job, name in zip(jobs, _shard_names(files), strict=True)]


def _require_tars(files: FolderFiles) -> None:
    if not files.tars:
        raise CorpusError(
            f"{files.compressed_tars[0]} is compressed, so images cannot be read at random; "
            f"unpack it and the others to plain .tar files ({len(files.compressed_tars)} of them)"
        )


def _shard_names(files: FolderFiles) -> list[str]:
    """The name of each tar without extension; with its folders, then a digest of its path, where that is taken."""
    counts = Counter(path.stem.lower() for path in files.tars)
    names: list[str] = []
    taken: set[str] = set()
    for path in files.tars:
        inside = path.relative_to(files.source)
        name = path.stem if counts[path.stem.lower()] == 1 else "-".join(inside.with_suffix("").parts)
        if name.lower() in taken:
            name += "-" + hashlib.sha256(os.fsencode(inside)).hexdigest()[:8]
        taken.add(name.lower())
        names.append(name)
    return names


def _named(shard: IndexedShard, name: str) -> IndexedShard:
    at = shard.quarantine.schema.get_field_index("shard")
    names = pa.array([name] * len(shard.quarantine), pa.string())
    quarantine = shard.quarantine.set_column(at, shard.quarantine.schema.field(at), names)
    return replace(shard, info=replace(shard.info, name=name), quarantine=quarantine)


def _usable(
    found: Sequence[tuple[ShardWork, str]], files: FolderFiles, unused: Unused
) -> tuple[list[tuple[ShardWork, str]], bool]:
    """The work on the tars with images, and whether two of them share a key.

    Raises:
        CorpusError: No shard has an image.
    """
    usable, keys, reasons = [], [], []
    for work, tar_name in found:
        shard = work.load()
        name = files.name_of(shard.path)
        unused.add_all((f"{name}: {member}", reason) for member, reason in shard.unused)
        if shard.info.num_images:
            usable.append((work, tar_name))
            keys.append(fingerprint_texts(shard.index["image_id"].to_pylist()))
        else:
            unused.add(name, "a tar without a usable image" if len(shard.quarantine) else "a tar without images")
            reasons += shard.quarantine["reason"].to_pylist()[:1]
    if not usable:
        first = f"the first is refused because {reasons[0]}" if reasons else "the tars are empty"
        raise CorpusError(f"{files.source} has no usable image; {first}")
    together = np.concatenate(keys)
    return usable, len(np.unique(together)) < len(together)


def _list_beside(files: FolderFiles, unused: Unused) -> None:
    known = {files.source / DECLARATIONS_FILE, *(tar.with_suffix(".parquet") for tar in files.tars)}
    for path in files.images:
        unused.add(files.name_of(path), "an image beside tars; give images a folder of their own")
    unused.add_all((files.name_of(path), reason) for path, reason in files.bad_images.items())
    for path in files.compressed_tars:
        unused.add(files.name_of(path), "compressed, so images cannot be read at random; unpack it to a plain .tar")
    for path in files.others:
        if path not in known:
            unused.add(files.name_of(path), _why_beside(path))


def _why_beside(path: Path) -> str:
    if path.name.endswith(_STATISTICS):
        return "statistics of img2dataset"
    if path.suffix == ".parquet":
        return "no tar of this name beside it"
    return "no tar; metadata of a tar are read from a .parquet of its name with a column 'key'"


def _split_of(tar: Path, source: Path) -> str | None:
    return next((split for part in tar.relative_to(source).parts[:-1] if (split := split_word(part))), None)


def _prefixed(shard: IndexedShard, prefix: str) -> IndexedShard:
    if not prefix:
        return shard
    return replace(
        shard,
        index=_prefix_column(shard.index, prefix),
        quarantine=_prefix_column(shard.quarantine, prefix),
    )


def _prefix_column(table: pa.Table, prefix: str) -> pa.Table:
    at = table.schema.get_field_index("image_id")
    return table.set_column(at, "image_id", pc.binary_join_element_wise(prefix, table["image_id"], ""))


def _items(
    shard: IndexedShard, prefix: str, files: FolderFiles, unused: Unused, reader: MetadataReader, refusals: Refusals
) -> dict[str, Item]:
    """What is known of the images of a shard, by image_id, in the order of its index."""
    records = _records(shard, files, refusals, unused)
    split = _split_of(shard.path, files.source)
    items: dict[str, Item] = {}
    for key in shard.index["image_id"].to_pylist():
        refusals.count_row()
        place = Place(shard.path.name, key, f"{shard.path}, key {key!r}")
        item = reader.read(records.get(key, {}), place) or Item()
        item.split = item.split or split
        items[prefix + key] = item
    return items


def _records(
    shard: IndexedShard, files: FolderFiles, refusals: Refusals, unused: Unused
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Metadata by key; the tar's come before the Parquet file's."""
    records = {
        key: read_sidecars(
            {extension: partial(shard.read, member) for extension, member in members.items()},
            shard.path.name,
            key,
            refusals,
        )
        for key, members in shard.texts.items()
    }
    parquet = shard.path.with_suffix(".parquet")
    if not parquet.is_file():
        return records
    bad = set(shard.quarantine["image_id"].to_pylist())
    matcher = KeyMatcher([*shard.index["image_id"].to_pylist(), *bad])
    for given, row in read_key_rows(parquet):
        key = matcher.find(given)
        if key is None:
            unused.add(f"{files.name_of(parquet)}: key {given}", describe_unmatched(row))
            continue
        record = records.setdefault(key, {})
        record.update({name: value for name, value in row.items() if name not in record})
    return records
