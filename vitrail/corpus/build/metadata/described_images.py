"""Metadata files of an image folder: which row is about which image."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.label_values import is_nothing
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.split_words import split_word
from vitrail.corpus.build.metadata.table_rows import TableRow, read_rows

__all__ = ["METADATA_FILES", "describe_images", "find_metadata"]

METADATA_FILES = ("metadata.parquet", "metadata.csv", "metadata.jsonl")


def find_metadata(files: Iterable[Path]) -> list[Path]:
    """The metadata files among the files of a folder, in path order; case does not matter."""
    return sorted(path for path in files if path.name.lower() in METADATA_FILES)


def describe_images(
    files: FolderFiles, tables: Sequence[Path], reader: MetadataReader, refusals: Refusals
) -> dict[Path, Item]:
    """What the metadata files say, by image; a row that cannot be used goes to `refusals` with its line.

    A `file_name` is relative to its metadata file, and stays in that folder by its letters: links are followed.

    Raises:
        CorpusError: A file is no table, or a column cannot be used.
    """
    by_name = {_comparable(path): path for path in (*files.images, *files.bad_images)}
    items: dict[Path, Item] = {}
    rows: dict[Path, str] = {}
    for file in tables:
        split = split_word(file.parent.name) if file.parent != files.source else None
        for row in read_rows(file):
            refusals.count_row()
            name = row.record.get("file_name")
            place = Place(files.name_of(file), "" if is_nothing(name) else str(name), row.where)
            try:
                path = _image_of(row, file, by_name, rows)
            except ValueError as error:
                refusals.add_row(place.file, place.name, f"{place.where}: {error}")
                continue
            item = reader.read(row.record, place)
            if item is not None:
                item.split = item.split or split
                items[path] = item
                rows[path] = row.where
    return items


def _comparable(path: Path | str) -> str:
    """The absolute path without `..`, composed: file systems and tables spell one letter in two ways."""
    return unicodedata.normalize("NFC", os.path.abspath(path))


def _image_of(row: TableRow, file: Path, by_name: dict[str, Path], rows: dict[Path, str]) -> Path:
    """The image a row is about.

    Raises:
        ValueError: There is none, or an earlier row is about it too.
    """
    if row.problem is not None:
        raise ValueError(row.problem)
    name = row.record["file_name"]
    if is_nothing(name):
        raise ValueError("file_name is empty; name the image or remove the row")
    path = _find(os.fsdecode(name) if isinstance(name, bytes) else str(name), file, by_name)
    if path in rows:
        raise ValueError(f"{name!r:.240} was described in {rows[path]}; keep one row")
    return path


def _find(name: str, file: Path, by_name: dict[str, Path]) -> Path:
    folder = _comparable(file.parent)
    spellings = dict.fromkeys([name, name.strip(), name.strip().replace("\\", "/")])
    if any(".." in spelling.split("/") for spelling in spellings):
        raise ValueError(f"{name!r:.240} leads up by '..', which is not followed; name a file below {file.parent}")
    targets = [_comparable(os.path.join(folder, spelling)) for spelling in spellings]
    inside = [target for target in targets if target.startswith(os.path.join(folder, ""))]
    if not inside:
        raise ValueError(f"{name!r:.240} lies outside {file.parent}; move the file into it")
    for target in inside:
        if target in by_name:
            return by_name[target]
    if any(map(os.path.exists, inside)):
        raise ValueError(f"{name!r:.240} is not taken for an image; give an image or remove the row")
    raise ValueError(f"{name!r:.240} does not exist; add the file or remove the row")
