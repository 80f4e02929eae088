"""The index of a shard: where each image lies in its tar, what it is, and which images cannot be used."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.corpus import INDEX_SCHEMA, QUARANTINE_SCHEMA, ShardInfo
from vitrail.contracts.files import digest_file
from vitrail.corpus.build.shard_members import sort_members
from vitrail.corpus.pixels.limits import DEFAULT_LIMITS, ImageLimits
from vitrail.corpus.pixels.probe import verify_image
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tars import Member, read_members
from vitrail.errors import CorpusError

__all__ = ["IndexedShard", "index_shard"]


@dataclass(frozen=True, kw_only=True)
class IndexedShard:
    """A tar with its index table, its quarantined images, its texts by key and extension, and its other members."""

    path: Path
    info: ShardInfo
    index: pa.Table
    quarantine: pa.Table
    texts: dict[str, dict[str, Member]]
    unused: tuple[tuple[str, str], ...] = ()

    def read(self, member: Member) -> bytes:
        """The bytes of a member."""
        with self.path.open("rb") as stream:
            return os.pread(stream.fileno(), member.size, member.offset)


def index_shard(
    path: Path,
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    inspect: Callable[[str, bytes], object] | None = None,
) -> IndexedShard:
    """Indexes one tar by its headers; each image's own header, limits and integrity are checked, undecoded.

    Args:
        path: A tar in WebDataset layout.
        limits: Images beyond them go to quarantine.
        inspect: Called with image_id and bytes of each good image; a CorpusError from it means quarantine.

    Raises:
        CorpusError: The tar cannot be read.
    """
    with path.open("rb") as stream:
        file = stream.fileno()
        found = sort_members(read_members(path), lambda member: _read_start(file, member))
        rows, bad = [], [{"shard": path.stem, "image_id": key, "reason": reason} for key, reason in found.refused]
        for key, member in found.images.items():
            try:
                data = _read_within(file, member, limits)
                row = {"image_id": key, **_index_row(data, member, limits)}
                if inspect is not None:
                    inspect(key, data)
            except CorpusError as error:
                bad.append({"shard": path.stem, "image_id": key, "reason": str(error)})
            else:
                rows.append(row)
    bad.sort(key=lambda row: row["image_id"])
    return IndexedShard(
        path=path,
        info=ShardInfo(name=path.stem, num_images=len(rows), size=path.stat().st_size, digest=digest_file(path)),
        index=table_of(rows, INDEX_SCHEMA),
        quarantine=table_of(bad, QUARANTINE_SCHEMA),
        texts=found.texts,
        unused=tuple(found.unused),
    )


def _read_start(file: int, member: Member) -> bytes:
    return os.pread(file, min(member.size, NUM_SIGNATURE_BYTES), member.offset)


def _read_within(file: int, member: Member, limits: ImageLimits) -> bytes:
    if member.size > limits.max_bytes:
        raise CorpusError(f"{member.size:,} bytes is more than the limit of {limits.max_bytes:,}")
    return os.pread(file, member.size, member.offset)


def _index_row(data: bytes, member: Member, limits: ImageLimits) -> dict[str, object]:
    info = verify_image(data, limits)
    return {
        "offset": member.offset,
        "size": member.size,
        "format": info.format,
        "width": info.width,
        "height": info.height,
        "digest": hashlib.sha256(data).hexdigest(),
    }
