"""What lies around an image in a folder: texts of its name, img2dataset's table of its shard, and its folders."""

import os
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.metadata.columns import Item, MetadataReader, Place
from vitrail.corpus.build.metadata.folder_meanings import read_folders
from vitrail.corpus.build.metadata.key_tables import KeyMatcher, describe_unmatched, read_key_rows
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.sidecars import SIDECAR_EXTENSIONS, read_sidecars
from vitrail.corpus.readable_names import readable

__all__ = ["Surroundings"]

_SHARD_DIGITS = 5  # of the folders that img2dataset writes, which its keys begin with


class Surroundings:
    """Describes images by what lies around them.

    Attributes:
        used: The files that describe an image.
        unmatched: (file and row, reason) of rows that describe none.
    """

    def __init__(self, files: FolderFiles, reader: MetadataReader, refusals: Refusals) -> None:
        """Looks at the names of all files, and reads img2dataset's tables."""
        self._files = files
        self._reader = reader
        self._refusals = refusals
        self._sidecars = _match_sidecars(files)
        self._folders = {folder: folder.relative_to(files.source).parts for folder in _folders_of(files)}
        self._meanings = read_folders(self._folders.values())
        self._plain: dict[tuple[Path, bool], Item] = {}
        self.used = [path for sidecars in self._sidecars.values() for path in sidecars.values()]
        self.unmatched: list[tuple[str, str]] = []
        self._rows = self._read_tables()

    def describe(self, path: Path, image_id: str, *, is_labelled: bool) -> Item:
        """What is around an image; its last folder is the label when `is_labelled` and nothing beside it says one."""
        sidecars = self._sidecars.get(path, {})
        if not sidecars and path not in self._rows:
            return self._describe_by_folder(path, image_id, is_labelled=is_labelled and not self._is_shard(path))
        name = self._files.name_of(path)
        readers = {extension: partial(Path.read_bytes, file) for extension, file in sidecars.items()}
        record = read_sidecars(readers, name, Path(name).stem, self._refusals)
        record = {**self._rows.get(path, {}), **record}
        place = Place(name, image_id, str(path))
        beside = self._reader.read(record, place) or Item()
        is_labelled = is_labelled and not (beside.labels or beside.declared) and not self._is_shard(path)
        above = self._reader.read(self._folder_record(path, is_labelled), place)
        return beside.joined(above or Item())

    def _describe_by_folder(self, path: Path, image_id: str, *, is_labelled: bool) -> Item:
        """What the folders say, read once a folder unless they are refused."""
        key = path.parent, is_labelled
        if key not in self._plain:
            record = self._folder_record(path, is_labelled)
            item = self._reader.read(record, Place(self._files.name_of(path), image_id, str(path)))
            if item is None or ("label" in record and not (item.labels or item.declared)):
                return item or Item()  # what is missed or refused is counted for each image
            self._plain[key] = item
        return self._plain[key]

    def _folder_record(self, path: Path, is_labelled: bool) -> dict[str, Any]:
        meaning = self._meanings[self._folders[path.parent]]
        record: dict[str, Any] = {} if meaning.split is None else {"split": meaning.split}
        if is_labelled and meaning.label is not None:
            record["label"] = readable(meaning.label)
        return record

    def _is_shard(self, path: Path) -> bool:
        """Whether img2dataset wrote the image: `00012/000120034.jpg`, or a folder with its table beside."""
        folder = path.parent.name
        by_name = folder.isdigit() and len(folder) >= _SHARD_DIGITS
        is_key = by_name and path.stem.isdigit() and path.stem.startswith(folder) and path.stem != folder
        return is_key or path.parent in self._tables

    def _read_tables(self) -> dict[Path, Mapping[str, Any]]:
        """The row of each image in the table of its folder: `00012.parquet` beside `00012/`."""
        others = set(self._files.others)
        beside = {folder: folder.with_name(f"{folder.name}.parquet") for folder in self._folders}
        self._tables = {folder: table for folder, table in beside.items() if table in others}
        images: dict[Path, dict[str, Path]] = defaultdict(dict)
        for path in self._files.images if self._tables else ():
            images[path.parent].setdefault(path.stem, path)
        rows: dict[Path, Mapping[str, Any]] = {}
        for folder, table in self._tables.items():
            self.used.append(table)
            matcher = KeyMatcher(images[folder])
            for key, row in read_key_rows(table):
                found = matcher.find(key)
                if found is None:
                    self.unmatched.append((f"{self._files.name_of(table)}: key {key}", describe_unmatched(row)))
                else:
                    rows[images[folder][found]] = row
        return rows


def _folders_of(files: FolderFiles) -> list[Path]:
    return [Path(folder) for folder in dict.fromkeys(map(os.path.dirname, files.images.names.part()))]


def _match_sidecars(files: FolderFiles) -> dict[Path, dict[str, Path]]:
    """The files beside each image that have its name, `a.txt` or `a.jpg.txt` for `a.jpg`, by extension."""
    sidecars = [file for file in files.others if file.suffix.lower()[1:] in SIDECAR_EXTENSIONS]
    named = {file.with_suffix("") for file in sidecars}
    images: dict[Path, list[Path]] = defaultdict(list)
    for path in files.images if sidecars else ():
        for name in {path, path.with_suffix("")} & named:
            images[name].append(path)
    found: dict[Path, dict[str, Path]] = defaultdict(dict)
    for file in sidecars:
        for path in images.get(file.with_suffix(""), []):
            found[path].setdefault(file.suffix.lower()[1:], file)
    return found
