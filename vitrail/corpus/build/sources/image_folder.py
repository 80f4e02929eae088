"""A folder of images, with a metadata file or with sub-folders as labels."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitrail.contracts.corpus import SHARDS_FOLDER, CorpusManifest, tar_file
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.items import signals_of, splits_of, tasks_of
from vitrail.corpus.build.lookalikes import match_lookalikes, thumbnail_of
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.described_images import describe_images, find_metadata
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.split_words import split_word
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.corpus.build.writer import Card, write_corpus
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tars import IMAGE_EXTENSIONS, write_tar
from vitrail.errors import CorpusError

__all__ = ["build_folder", "list_images"]

_SHARD_IMAGES = 1000
_TAIL_CHARACTERS = 16  # of a path that is too long; four bytes each at most
_NAME_BYTES = 90  # a ustar name holds 100, extension included


def list_images(source: Path) -> list[Path]:
    """The image files under a folder, hidden ones left out, in path order."""
    files = (path for path in source.rglob("*") if path.suffix.lower().lstrip(".") in IMAGE_EXTENSIONS)
    shown = (path for path in files if not any(part.startswith(".") for part in path.relative_to(source).parts))
    return sorted(path for path in shown if path.is_file())


def build_folder(source: Path, folder: Path, name: str) -> CorpusManifest:
    """Builds a corpus from the images under `source`; the files are packed into tars unchanged.

    Metadata files may lie in the folder or in its sub-folders; their `file_name` is relative to them. Without
    any, the sub-folder of an image is its label, below `train`, `val` and `test` folders when there are such.

    Raises:
        CorpusError: There are no images, or the metadata cannot be understood (see `_items`).
    """
    images = list_images(source)
    if not images:
        raise CorpusError(f"{source} holds no tars and no images ({', '.join(sorted(IMAGE_EXTENSIONS))})")
    ids = _image_ids(source, images)
    refusals = Refusals()
    declared = TaskDeclarations.read(source)
    items = _items(source, ids, MetadataReader(refusals, declared), refusals)
    shards: list[IndexedShard] = []
    thumbnails: dict[str, np.ndarray] = {}
    (folder / SHARDS_FOLDER).mkdir()
    for number, start in enumerate(range(0, len(images), _SHARD_IMAGES)):
        batch = images[start : start + _SHARD_IMAGES]
        tar = folder / tar_file(f"{number:05d}")
        write_tar(tar, ((f"{ids[path]}.{path.suffix[1:].lower()}", path.read_bytes()) for path in batch))
        shards.append(index_shard(tar, inspect=lambda key, data: thumbnails.update({key: thumbnail_of(data)})))
    items = {key: item for key, item in items.items() if key in thumbnails}
    return write_corpus(
        folder,
        Card(
            name=name,
            title=name,
            description=f"Images of the folder {readable(source.resolve().name)}.",
            licences=("not stated: the images belong to whoever made them",),
        ),
        shards,
        signals=signals_of(items),
        splits=splits_of(items, match_lookalikes(thumbnails)),
        tasks=tasks_of(items, declared),
        refused=refusals.table(),
    )


def _items(source: Path, ids: Mapping[Path, str], reader: MetadataReader, refusals: Refusals) -> dict[str, Item]:
    """By image_id: the image's row, or what its folders say.

    Raises:
        CorpusError: A metadata file is no table, a column cannot be used, or most rows cannot.
    """
    files = find_metadata(source)
    described = describe_images(source, files, list(ids), reader, refusals)
    items: dict[str, Item] = {}
    for path, image_id in ids.items():
        if path in described:
            items[image_id] = described[path]
            continue
        if not files:
            refusals.count_row()
        place = Place(path.relative_to(source).as_posix(), image_id, str(path))
        items[image_id] = _item_without_row(source, path, place, reader, is_labelled=not files)
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


def _item_without_row(source: Path, path: Path, place: Place, reader: MetadataReader, *, is_labelled: bool) -> Item:
    """What the folders of an image say: the split above all, then the class when no metadata files are there."""
    parts = path.relative_to(source).parts[:-1]
    record: dict[str, Any] = {}
    if parts and split_word(parts[0]):
        record["split"], parts = parts[0], parts[1:]
    if parts and is_labelled:
        record["label"] = readable(parts[0])
    return reader.read(record, place) or Item()
