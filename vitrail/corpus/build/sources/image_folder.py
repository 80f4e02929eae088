"""A folder of images: with metadata files, with texts beside the images, or with folders as labels."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.contracts.corpus import QUARANTINE_SCHEMA, SHARDS_FOLDER, SIGNALS_SCHEMA, CorpusManifest, tar_file
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.folder_files import FolderFiles
from vitrail.corpus.build.image_ids import name_images
from vitrail.corpus.build.items import signals_of
from vitrail.corpus.build.lookalikes import THUMBNAIL_BYTES, join_lookalikes
from vitrail.corpus.build.metadata.columns import Item, MetadataReader
from vitrail.corpus.build.metadata.described_images import describe_images, find_metadata
from vitrail.corpus.build.metadata.image_surroundings import Surroundings
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.task_declarations import DECLARATIONS_FILE, TaskDeclarations
from vitrail.corpus.build.packed_lists import TextList
from vitrail.corpus.build.placing import place_tar
from vitrail.corpus.build.progress import Progress
from vitrail.corpus.build.shard_jobs import PackJob, pack_shard
from vitrail.corpus.build.shard_tables import ShardTables
from vitrail.corpus.build.source import FolderLayout, Workplace
from vitrail.corpus.build.thumbnail_file import ThumbnailFile
from vitrail.corpus.build.unused import Unused
from vitrail.corpus.build.work import ShardWork
from vitrail.corpus.build.workers import run_in_order
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tables import read_table, table_of, write_table
from vitrail.errors import CorpusError

__all__ = ["SOURCES", "build_folder"]

_SHARD_IMAGES = 1000
_TABLES = {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".xlsx", ".xls", ".ods", ".arrow"}
_ARCHIVES = {".zip", ".rar", ".7z", ".gz", ".bz2", ".xz", ".zst"}
_TEXTS = {".txt", ".caption", ".cls"}


def build_folder(files: FolderFiles, folder: Path, name: str, workplace: Workplace) -> CorpusManifest:
    """Builds a corpus from the images of a folder and below; the files are packed into tars unchanged.

    Metadata files may lie in the folder or in its sub-folders; their `file_name` is relative to them. Texts and
    labels of an image may lie beside it under its name. Without metadata files the last folder of an image is its
    label; folders named train, val or test, or in other words for these, are its split.

    Raises:
        CorpusError: There are no images, or the metadata cannot be understood (see `_read_metadata`).
    """
    _require_images(files)
    refusals, unused = Refusals(), Unused(files)
    declared = TaskDeclarations.read(files.source)
    jobs = _PackJobs(files, workplace)
    tables = ShardTables(folder)
    for job, items in zip(jobs, _read_metadata(files, jobs, declared, refusals, unused), strict=True):
        write_table(_texts_of(job), signals_of(items), SIGNALS_SCHEMA)
        for item in items.values():
            tables.columns.append(item)
    looks = _pack(jobs, tables, folder, workplace)
    tables.add_quarantine(_bad_images(files))
    tables.add_quarantine(refusals.table())
    description = f"Images of the folder {readable(files.source.resolve().name)}."
    return tables.finish(name, description, looks, declared, unused.table())


SOURCES = (FolderLayout(rank=9, recognises=lambda files: True, build=build_folder),)


def _require_images(files: FolderFiles) -> None:
    if files.images:
        return
    problems = files.bad_images or files.passed_over
    first = next(((path, reason) for path, reason in problems.items()), None)
    why = f"; {files.name_of(first[0])}, for one: {first[1]}" if first else ""
    raise CorpusError(f"{files.source} holds no tars and no images (PNG, JPEG or WebP){why}")


class _PackJobs:
    """What is packed into each shard; the jobs are made anew each time they are gone through."""

    def __init__(self, files: FolderFiles, workplace: Workplace) -> None:
        self._paths = files.images.names
        self._ids = TextList(name_images(files.source, self._paths.part()))
        self._workplace = workplace

    def __len__(self) -> int:
        return -(-len(self._ids) // _SHARD_IMAGES)

    def __iter__(self) -> Iterator[PackJob]:
        for number in range(len(self)):
            part = number * _SHARD_IMAGES, (number + 1) * _SHARD_IMAGES
            yield PackJob(
                work=self._workplace.folder / f"{number:05d}",
                name=f"{number:05d}",
                files=list(zip(self._paths.part(*part), self._ids.part(*part), strict=True)),
                is_trusted=self._workplace.is_trusted,
            )


def _texts_of(job: PackJob) -> Path:
    return job.work.with_name(f"{job.name}.texts.parquet")


def _pack(jobs: _PackJobs, tables: ShardTables, folder: Path, workplace: Workplace) -> Components:
    """Packs the images into tars and writes the tables of each; says which images look alike."""
    progress = Progress("packing", len(tables.columns), "images")
    (folder / SHARDS_FOLDER).mkdir()
    is_usable: list[NDArray[np.bool_]] = []
    with ThumbnailFile(workplace.folder / "thumbnails", THUMBNAIL_BYTES) as thumbnails:
        for job, is_new in zip(jobs, run_in_order(pack_shard, jobs, len(jobs)), strict=True):
            work = ShardWork(job.work)
            shard, own_ids = work.load(), pa.array(job.image_ids, pa.string())
            place_tar(work.tar, folder / tar_file(job.name))
            thumbnails.append(work.thumbnails)
            indexed = shard.index["image_id"].combine_chunks()
            is_usable.append(pc.is_in(own_ids, value_set=indexed).to_numpy(zero_copy_only=False))
            signals = read_table(_texts_of(job), SIGNALS_SCHEMA, "build again")
            tables.add(shard, signals.filter(pc.is_in(signals["image_id"], value_set=indexed)))
            progress.add(len(own_ids), is_new=is_new)
        tables.columns.keep(np.concatenate(is_usable))
        if workplace.is_trusted:
            return tables.join_equal_bytes()
        return join_lookalikes(len(thumbnails), thumbnails.rows)


def _read_metadata(
    files: FolderFiles, jobs: Iterable[PackJob], declared: TaskDeclarations, refusals: Refusals, unused: Unused
) -> Iterator[dict[str, Item]]:
    """What is known of the images of each shard, by image_id: the image's row, what lies beside it, and its folders.

    Raises:
        CorpusError: A metadata file is no table, a column cannot be used, or most rows cannot.
    """
    reader = MetadataReader(refusals, declared)
    tables = find_metadata(files.others)
    described = describe_images(files, tables, reader, refusals) if tables else {}
    surroundings = Surroundings(files, reader, refusals)
    for job in jobs:
        items: dict[str, Item] = {}
        for path, image_id in ((Path(name), image_id) for name, image_id in job.files):
            if not tables:
                refusals.count_row()
            beside = surroundings.describe(path, image_id, is_labelled=not tables)
            items[image_id] = described[path].joined(beside) if path in described else beside
        yield items
    known = [files.source / DECLARATIONS_FILE, *tables, *surroundings.used]
    _list_unused(files, known, surroundings.unmatched, unused)
    refusals.require_few()
    reader.require_declared()
    reader.log()
    refusals.log()


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
