"""A folder of images: with metadata files, with texts beside the images, or with folders as labels."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrail.contracts.corpus import QUARANTINE_SCHEMA, SHARDS_FOLDER, CorpusManifest, tar_file
from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.items import signals_of, splits_of, tasks_of
from vitrail.corpus.build.lookalikes import match_lookalikes, thumbnail_of
from vitrail.corpus.build.metadata.columns import Item, MetadataReader
from vitrail.corpus.build.metadata.described_images import describe_images, find_metadata
from vitrail.corpus.build.metadata.image_surroundings import Surroundings
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.task_declarations import DECLARATIONS_FILE, TaskDeclarations
from vitrail.corpus.build.source import FolderLayout
from vitrail.corpus.build.unused import Unused
from vitrail.corpus.build.writer import Card, write_corpus
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES, image_format
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tars import IMAGE_EXTENSIONS, write_tar
from vitrail.errors import CorpusError

__all__ = ["SOURCES", "build_folder"]

_SHARD_IMAGES = 1000
_TAIL_CHARACTERS = 16  # of a path that is too long; four bytes each at most
_NAME_BYTES = 90  # a ustar name holds 100, extension included
_TABLES = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".xlsx", ".xls", ".ods", ".arrow"}
_ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".bz2", ".xz", ".zst"}
_TEXTS = {".txt", ".caption", ".cls"}


def build_folder(files: FolderFiles, folder: Path, name: str) -> CorpusManifest:
    """Builds a corpus from the images of a folder and below; the files are packed into tars unchanged.

    Metadata files may lie in the folder or in its sub-folders; their `file_name` is relative to them. Texts and
    labels of an image may lie beside it under its name. Without metadata files the last folder of an image is its
    label; folders named train, val or test, or in other words for these, are its split.

    Raises:
        CorpusError: There are no images, or the metadata cannot be understood (see `_items`).
    """
    _require_images(files)
    ids = _image_ids(files.source, files.images)
    refusals, unused = Refusals(), Unused(files)
    declared = TaskDeclarations.read(files.source)
    items = _items(files, ids, MetadataReader(refusals, declared), refusals, unused)
    thumbnails: dict[str, np.ndarray] = {}
    shards = _pack(folder, files.images, ids, thumbnails)
    items = {key: item for key, item in items.items() if key in thumbnails}
    return write_corpus(
        folder,
        Card(
            name=name,
            title=name,
            description=f"Images of the folder {readable(files.source.resolve().name)}.",
            licences=("not stated: the images belong to whoever made them",),
        ),
        shards,
        signals=signals_of(items),
        splits=splits_of(items, match_lookalikes(thumbnails)),
        tasks=tasks_of(items, declared),
        refused=pa.concat_tables([_bad_images(files), refusals.table()]),
        unused=unused.table(),
    )


SOURCES = (FolderLayout(rank=9, recognises=lambda files: True, build=build_folder),)


def _require_images(files: FolderFiles) -> None:
    if files.images:
        return
    problems = files.bad_images or files.passed_over
    first = next(((path, reason) for path, reason in problems.items()), None)
    why = f"; {files.name_of(first[0])}, for one: {first[1]}" if first else ""
    raise CorpusError(f"{files.source} holds no tars and no images (PNG, JPEG or WebP){why}")


def _pack(
    folder: Path, images: Sequence[Path], ids: Mapping[Path, str], thumbnails: dict[str, np.ndarray]
) -> list[IndexedShard]:
    """Packs the images into tars; the thumbnails of those that can be decoded are added to `thumbnails`."""
    shards: list[IndexedShard] = []
    (folder / SHARDS_FOLDER).mkdir()
    for number, start in enumerate(range(0, len(images), _SHARD_IMAGES)):
        tar = folder / tar_file(f"{number:05d}")
        write_tar(tar, (_member(path, ids[path]) for path in images[start : start + _SHARD_IMAGES]))
        shards.append(index_shard(tar, inspect=lambda key, data: thumbnails.update({key: thumbnail_of(data)})))
    return shards


def _member(path: Path, image_id: str) -> tuple[str, bytes]:
    data = path.read_bytes()
    extension = path.suffix[1:].lower()
    if extension not in IMAGE_EXTENSIONS:
        extension = image_format(data[:NUM_SIGNATURE_BYTES]) or extension
    return f"{image_id}.{extension}", data


def _items(
    files: FolderFiles, ids: Mapping[Path, str], reader: MetadataReader, refusals: Refusals, unused: Unused
) -> dict[str, Item]:
    """By image_id: the image's row, what lies beside it, and what its folders say.

    Raises:
        CorpusError: A metadata file is no table, a column cannot be used, or most rows cannot.
    """
    tables = find_metadata(files.others)
    described = describe_images(files, tables, reader, refusals)
    surroundings = Surroundings(files, reader, refusals)
    items: dict[str, Item] = {}
    for path, image_id in ids.items():
        if not tables:
            refusals.count_row()
        beside = surroundings.describe(path, image_id, is_labelled=not tables)
        items[image_id] = described[path].joined(beside) if path in described else beside
    known = [files.source / DECLARATIONS_FILE, *tables, *surroundings.used]
    _list_unused(files, known, surroundings.unmatched, unused)
    refusals.require_few()
    reader.require_declared()
    reader.log()
    refusals.log()
    return items


def _image_ids(source: Path, images: Sequence[Path]) -> dict[Path, str]:
    """Paths without extension; what a WebDataset key cannot hold is replaced, and doubles are told apart."""
    ids: dict[Path, str] = {}
    taken: set[str] = set()
    for path in images:
        relative = path.relative_to(source)
        image_id = readable(relative.with_suffix("").as_posix()).replace(".", "_")
        if image_id in taken:
            image_id = readable(relative.as_posix()).replace(".", "_")
        if image_id in taken or len(image_id.encode()) > _NAME_BYTES:
            digest = hashlib.sha256(os.fsencode(relative)).hexdigest()
            image_id = f"{image_id[-_TAIL_CHARACTERS:].replace('/', '_')}-{digest[:16]}"
        taken.add(image_id)
        ids[path] = image_id
    return ids


def _bad_images(files: FolderFiles) -> pa.Table:
    rows = [
        {"shard": "", "image_id": files.name_of(path), "reason": readable(reason)}
        for path, reason in files.bad_images.items()
    ]
    return table_of(rows, QUARANTINE_SCHEMA)


def _list_unused(
    files: FolderFiles, used: Sequence[Path], unmatched: Sequence[tuple[str, str]], unused: Unused
) -> None:
    unused.add_all(unmatched)
    for path in files.tars + files.compressed_tars:
        unused.add(files.name_of(path), "a tar among images; give tars a folder of their own")
    known = set(used)
    for path in files.others:
        if path not in known:
            unused.add(files.name_of(path), _why_unused(path))


def _why_unused(path: Path) -> str:
    extension = path.suffix.lower()
    if path.name.endswith("_stats.json"):
        return "statistics of img2dataset"
    if extension in _TABLES:
        return "metadata are read from metadata.csv, .jsonl or .parquet with a column 'file_name'; name the file so"
    if extension in _ARCHIVES:
        return "an archive; unpack it"
    if extension in _TEXTS:
        return "no image of this name beside it"
    return "neither an image nor metadata"
