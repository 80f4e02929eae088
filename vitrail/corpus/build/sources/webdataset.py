"""WebDataset and img2dataset shards, used as they lie.

The tars are hard-linked into the corpus (copied when they are on another file system) and never rewritten.
Texts and labels come from `.txt`, `.json` and `.cls` members and from an img2dataset `.parquet` beside each.
"""

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import SHARDS_FOLDER, CorpusManifest, tar_file
from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.items import signals_of, splits_of, tasks_of
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.key_tables import KeyMatcher, describe_unmatched, read_key_rows
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.sidecars import read_sidecars
from vitrail.corpus.build.metadata.split_words import split_word
from vitrail.corpus.build.metadata.task_declarations import DECLARATIONS_FILE, TaskDeclarations
from vitrail.corpus.build.source import FolderLayout
from vitrail.corpus.build.unused import Unused
from vitrail.corpus.build.writer import Card, write_corpus
from vitrail.errors import CorpusError

__all__ = ["SOURCES", "build_webdataset"]

_STATISTICS = "_stats.json"


def recognise(files: FolderFiles) -> bool:
    """Whether a folder is one of shards: tars at its top, or further down and no pictures."""
    is_top = any(path.parent == files.source for path in files.tars)
    return is_top or bool((files.tars or files.compressed_tars) and not files.images)


def build_webdataset(files: FolderFiles, folder: Path, name: str) -> CorpusManifest:
    """Builds a corpus around the tars of a folder and below.

    When two tars share a key, every image_id is prefixed with the name of its tar. Tars without a usable image
    are left out and listed.

    Raises:
        CorpusError: A tar is compressed, damaged or truncated, or a metadata file cannot be read.
    """
    _require_tars(files)
    unused, refusals = Unused(files), Refusals()
    found = [_named(index_shard(tar), tar_name) for tar, tar_name in _shard_names(files).items()]
    _list_beside(files, unused)
    shards, prefixes = _usable(found, files, unused)
    left_out = [shard.quarantine for shard in found if not shard.info.num_images]
    (folder / SHARDS_FOLDER).mkdir()
    declared = TaskDeclarations.read(files.source)
    reader = MetadataReader(refusals, declared)
    items: dict[str, Item] = {}
    looks: dict[str, str] = {}
    for shard, prefix in zip(shards, prefixes, strict=True):
        _place(shard.path, folder / tar_file(shard.info.name))
        records = _records(shard, files, refusals, unused)
        split = _split_of(shard.path, files.source)
        for key, digest in zip(*(shard.index[column].to_pylist() for column in ("image_id", "digest")), strict=True):
            looks[prefix + key] = digest
            items[prefix + key] = _item(shard, key, records.get(key, {}), split, reader, refusals)
    refusals.require_few()
    reader.require_declared()
    reader.log()
    refusals.log()
    return write_corpus(
        folder,
        Card(
            name=name,
            title=name,
            description=f"{len(shards)} WebDataset shards as they lie.",
            licences=("not stated: the images belong to whoever made them",),
        ),
        [_prefixed(shard, prefix) for shard, prefix in zip(shards, prefixes, strict=True)],
        signals=signals_of(items),
        splits=splits_of(items, looks),
        tasks=tasks_of(items, declared),
        refused=pa.concat_tables([*left_out, refusals.table()]),
        unused=unused.table(),
    )


SOURCES = (FolderLayout(rank=1, recognises=recognise, build=build_webdataset),)


def _require_tars(files: FolderFiles) -> None:
    if not files.tars:
        raise CorpusError(
            f"{files.compressed_tars[0]} is compressed, so images cannot be read at random; "
            f"unpack it and the others to plain .tar files ({len(files.compressed_tars)} of them)"
        )


def _shard_names(files: FolderFiles) -> dict[Path, str]:
    """The name of each tar without extension; with its folders, then a digest of its path, where that is taken."""
    counts = Counter(path.stem.lower() for path in files.tars)
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for path in files.tars:
        inside = path.relative_to(files.source)
        name = path.stem if counts[path.stem.lower()] == 1 else "-".join(inside.with_suffix("").parts)
        if name.lower() in taken:
            name += "-" + hashlib.sha256(os.fsencode(inside)).hexdigest()[:8]
        taken.add(name.lower())
        names[path] = name
    return names


def _named(shard: IndexedShard, name: str) -> IndexedShard:
    at = shard.quarantine.schema.get_field_index("shard")
    names = pa.array([name] * len(shard.quarantine), pa.string())
    quarantine = shard.quarantine.set_column(at, shard.quarantine.schema.field(at), names)
    return replace(shard, info=replace(shard.info, name=name), quarantine=quarantine)


def _usable(
    found: Sequence[IndexedShard], files: FolderFiles, unused: Unused
) -> tuple[list[IndexedShard], list[str]]:  # fmt: skip
    """The shards with images, and what is put before the keys of each.

    Raises:
        CorpusError: No shard has an image.
    """
    for shard in found:
        name = files.name_of(shard.path)
        unused.add_all((f"{name}: {member}", reason) for member, reason in shard.unused)
        if not shard.info.num_images:
            unused.add(name, "a tar without a usable image" if len(shard.quarantine) else "a tar without images")
    usable = [shard for shard in found if shard.info.num_images]
    if not usable:
        reasons = [row["reason"] for shard in found for row in shard.quarantine.to_pylist()]
        first = f"the first is refused because {reasons[0]}" if reasons else "the tars are empty"
        raise CorpusError(f"{files.source} has no usable image; {first}")
    counts = Counter(key for shard in usable for key in shard.index["image_id"].to_pylist())
    is_shared = counts.most_common(1)[0][1] > 1
    return usable, [f"{shard.info.name}/" if is_shared else "" for shard in usable]


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


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except FileExistsError:  # to copy would write through that link, into a file of the user
        raise
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


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


def _item(
    shard: IndexedShard,
    key: str,
    record: Mapping[str, Any],
    split: str | None,
    reader: MetadataReader,
    refusals: Refusals,
) -> Item:
    refusals.count_row()
    item = reader.read(record, Place(shard.path.name, key, f"{shard.path}, key {key!r}")) or Item()
    item.split = item.split or split
    return item


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
