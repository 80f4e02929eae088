"""What a process does of a corpus: packs files into a tar, or indexes a tar; what it finds stays in a work folder."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.corpus import ShardInfo
from vitrail.corpus.build.indexing import ImageRows, IndexedShard, index_shard
from vitrail.corpus.build.lookalikes import thumbnail_of
from vitrail.corpus.build.work import ShardWork
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES, image_format
from vitrail.corpus.store.tar_writing import TarWriter
from vitrail.corpus.store.tars import IMAGE_EXTENSIONS

__all__ = ["IndexJob", "PackJob", "index_tar", "pack_shard"]


@dataclass(frozen=True, kw_only=True)
class PackJob:
    """Files that make one shard.

    Attributes:
        work: The folder for what is made.
        name: Of the shard.
        files: (file, image_id) in the order of the tar.
        is_trusted: As of `ImageRows`; trusted files are not drawn small either.
    """

    work: Path
    name: str
    files: Sequence[tuple[str, str]]
    is_trusted: bool

    @property
    def image_ids(self) -> list[str]:
        """The image_id of each file."""
        return [image_id for _, image_id in self.files]


@dataclass(frozen=True, kw_only=True)
class IndexJob:
    """A tar of a user.

    Attributes:
        work: The folder for what is found.
        tar: The file.
        is_trusted: As of `ImageRows`.
    """

    work: Path
    tar: Path
    is_trusted: bool


def index_tar(job: IndexJob) -> bool:
    """Indexes a tar as it lies; False when that was done already.

    Raises:
        CorpusError: The tar cannot be read.
    """
    work, made_from = ShardWork(job.work), [job.is_trusted, _identity(str(job.tar), "")]
    if work.is_done(made_from):
        return False
    work.store(index_shard(job.tar, is_trusted=job.is_trusted), made_from)
    return True


def pack_shard(job: PackJob) -> bool:
    """Packs a shard into its work folder; False when it was there already, made from the same files."""
    made_from = [job.name, job.is_trusted, [_identity(path, image_id) for path, image_id in job.files]]
    work = ShardWork(job.work)
    if work.is_done(made_from):
        return False
    thumbnails: list[bytes] = []
    draw = None if job.is_trusted else lambda _, data: thumbnails.append(thumbnail_of(data))
    rows = ImageRows(job.name, is_trusted=job.is_trusted, inspect=draw)
    with TarWriter(work.tar) as tar:
        for path, image_id in job.files:
            data = Path(path).read_bytes()
            rows.add(image_id, tar.add(f"{image_id}.{_extension(path, data)}", data), data)
    work.thumbnails.write_bytes(b"".join(thumbnails))
    index = rows.index()
    info = ShardInfo(name=job.name, num_images=len(index), size=tar.size, digest=tar.digest)
    shard = IndexedShard(path=work.tar, info=info, index=index, quarantine=rows.quarantine(), texts={})
    work.store(shard, made_from)
    return True


def _identity(path: str, image_id: str) -> tuple[str, str, int, int]:
    status = os.stat(path)
    return os.fsencode(path).hex(), image_id, status.st_size, status.st_mtime_ns


def _extension(path: str, data: bytes) -> str:
    extension = os.path.splitext(path)[1][1:].lower()
    if extension in IMAGE_EXTENSIONS:
        return extension
    return image_format(data[:NUM_SIGNATURE_BYTES]) or extension
