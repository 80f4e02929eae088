"""A folder of images, with a metadata file or with sub-folders as labels."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.corpus import SHARDS_FOLDER, CorpusManifest, tar_file
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.items import signals_of, splits_of, tasks_of
from vitrail.corpus.build.metadata_columns import Item, interpret
from vitrail.corpus.build.splits import match_lookalikes, thumbnail_of
from vitrail.corpus.build.writer import Card, write_corpus
from vitrail.corpus.store.tars import IMAGE_EXTENSIONS, write_tar
from vitrail.errors import CorpusError

__all__ = ["METADATA_FILES", "build_folder", "list_images"]

METADATA_FILES = ("metadata.parquet", "metadata.csv", "metadata.jsonl")

_SHARD_IMAGES = 1000
_TAIL_CHARACTERS = 16  # of a path that is too long; four bytes each at most
_NAME_BYTES = 90  # a ustar name holds 100, extension included
_SPLIT_FOLDERS = {"train", "val", "valid", "validation", "dev", "test"}
_Record = tuple[dict[str, Any], str]  # columns, and where they were read


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
        CorpusError: There are no images, or a metadata file is damaged or names a file that is not there.
    """
    images = list_images(source)
    if not images:
        raise CorpusError(f"{source} holds no tars and no images ({', '.join(sorted(IMAGE_EXTENSIONS))})")
    records = _records(source)
    ids = _image_ids(source, images)
    items = {ids[path]: _item(source, path, records) for path in images}
    shards: list[IndexedShard] = []
    thumbnails: dict[str, np.ndarray] = {}
    (folder / SHARDS_FOLDER).mkdir()
    for number, start in enumerate(range(0, len(images), _SHARD_IMAGES)):
        batch = images[start : start + _SHARD_IMAGES]
        tar = folder / tar_file(f"{number:05d}")
        write_tar(tar, ((f"{ids[path]}.{path.suffix[1:].lower()}", path.read_bytes()) for path in batch))
        shards.append(index_shard(tar, inspect=lambda key, data: thumbnails.update({key: thumbnail_of(data)})))
    return write_corpus(
        folder,
        Card(
            name=name,
            title=name,
            description=f"Images of the folder {source.resolve().name}.",
            licences=("not stated: the images belong to whoever made them",),
        ),
        shards,
        signals=signals_of(items),
        splits=splits_of(items, match_lookalikes(thumbnails)),
        tasks=tasks_of(items),
    )


def _image_ids(source: Path, images: Sequence[Path]) -> dict[Path, str]:
    """Paths without extension; what a WebDataset key cannot hold is replaced, and doubles are told apart."""
    ids: dict[Path, str] = {}
    taken: set[str] = set()
    for path in images:
        relative = path.relative_to(source)
        image_id = relative.with_suffix("").as_posix().replace(".", "_")
        if image_id in taken:
            image_id = relative.as_posix().replace(".", "_")
        if image_id in taken or len(image_id.encode()) > _NAME_BYTES:
            digest = hashlib.sha256(relative.as_posix().encode()).hexdigest()
            image_id = f"{image_id[-_TAIL_CHARACTERS:].replace('/', '_')}-{digest[:16]}"
        taken.add(image_id)
        ids[path] = image_id
    return ids


def _item(source: Path, path: Path, records: Mapping[Path, _Record]) -> Item:
    if path.resolve() in records:
        return interpret(*records[path.resolve()])
    parts = path.relative_to(source).parts[:-1]
    record: dict[str, Any] = {}
    if parts and parts[0].lower() in _SPLIT_FOLDERS:
        record["split"], parts = parts[0], parts[1:]
    if parts and not records:
        record["label"] = parts[0]
    return interpret(record, str(path))


def _records(source: Path) -> dict[Path, _Record]:
    records: dict[Path, _Record] = {}
    for file in sorted(path for name in METADATA_FILES for path in source.rglob(name)):
        split = file.parent.name if file.parent != source and file.parent.name in _SPLIT_FOLDERS else None
        for number, row in enumerate(_read_rows(file), start=1):
            where = f"{file}, row {number}"
            path = _path_of(row, file, where)
            if path in records:
                first = records[path][1]
                raise CorpusError(f"{where}: {row['file_name']!r} was described in {first}; keep one row")
            records[path] = ({"split": split, **row} if split else row, where)
    return records


def _path_of(row: dict[str, Any], file: Path, where: str) -> Path:
    if "file_name" not in row:
        raise CorpusError(f"{file} has no column 'file_name' (it has {', '.join(map(str, row))}); add it")
    path = (file.parent / str(row["file_name"])).resolve()
    if not path.is_relative_to(file.parent.resolve()):
        raise CorpusError(f"{where}: {row['file_name']!r} lies outside {file.parent}; move the file into it")
    if not path.is_file():
        raise CorpusError(f"{where}: {row['file_name']!r} does not exist; add the file or remove the row")
    return path


def _read_rows(file: Path) -> Iterator[dict[str, Any]]:
    if file.suffix == ".parquet":
        try:
            yield from pq.ParquetFile(file).read().to_pylist()
        except (pa.ArrowInvalid, OSError) as error:
            raise CorpusError(f"{file} is not a readable Parquet file ({error})") from error
        return
    text = _read_text(file)
    if file.suffix == ".csv":
        yield from _read_csv(file, text)
    else:
        yield from _read_jsonl(file, text)


def _read_text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"{data[error.start]:#04x}"
        raise CorpusError(f"{file}, line {line}: byte {byte} is not UTF-8; save the file as UTF-8") from error


def _read_csv(file: Path, text: str) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    for row in csv.DictReader(io.StringIO(text, newline=""), strict=True):
        if None in row:
            name = row.get("file_name")
            raise CorpusError(f"{file}: the row of {name!r} has more fields than the header; quote commas")
        yield row


def _read_jsonl(file: Path, text: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CorpusError(f"{file}, line {number}: not JSON ({error}); repair or remove the line") from error
        if not isinstance(row, dict):
            raise CorpusError(f"{file}, line {number}: not a JSON object; repair or remove the line")
        yield row
