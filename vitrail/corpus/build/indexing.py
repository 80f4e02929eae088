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
from vitrail.corpus.pixels.probe import probe_image, verify_image
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tars import Member, read_members
from vitrail.errors import CorpusError

__all__ = ["ImageRows", "IndexedShard", "index_shard"]


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


class ImageRows:
    """The rows of a shard's index, and its images that cannot be used, as its bytes go by."""

    def __init__(
        self,
        shard: str,
        *,
        limits: ImageLimits = DEFAULT_LIMITS,
        is_trusted: bool = False,
        inspect: Callable[[str, bytes], object] | None = None,
    ) -> None:
        """Begins without rows.

        Args:
            shard: The name of the tar.
            limits: Images beyond them go to quarantine.
            is_trusted: Only headers are read, so damage behind them is found by whoever decodes the image.
            inspect: Called with image_id and bytes of each good image; a CorpusError from it means quarantine.
        """
        self._shard, self._limits, self._inspect = shard, limits, inspect
        self._identify = probe_image if is_trusted else verify_image
        self._rows: list[dict[str, object]] = []
        self._bad: list[dict[str, str]] = []

    def add(self, image_id: str, offset: int, data: bytes) -> None:
        """Adds an image whose bytes begin at `offset` of the tar."""
        try:
            info = self._identify(data, self._limits)
            if self._inspect is not None:
                self._inspect(image_id, data)
        except CorpusError as error:
            self.refuse(image_id, str(error))
            return
        self._rows.append(
            {
                "image_id": image_id,
                "offset": offset,
                "size": len(data),
                "format": info.format,
                "width": info.width,
                "height": info.height,
                "digest": hashlib.sha256(data).hexdigest(),
            }
        )

    def refuse(self, image_id: str, reason: str) -> None:
        """Puts an image into quarantine."""
        self._bad.append({"shard": self._shard, "image_id": image_id, "reason": reason})

    def index(self) -> pa.Table:
        """INDEX_SCHEMA, in the order they came."""
        return table_of(self._rows, INDEX_SCHEMA)

    def quarantine(self) -> pa.Table:
        """QUARANTINE_SCHEMA, by image_id."""
        return table_of(sorted(self._bad, key=lambda row: row["image_id"]), QUARANTINE_SCHEMA)


def index_shard(
    path: Path, *, is_trusted: bool = False, inspect: Callable[[str, bytes], object] | None = None
) -> IndexedShard:
    """Indexes one tar by its headers; each image's own header, limits and integrity are checked, undecoded.

    Args:
        path: A tar in WebDataset layout.
        is_trusted: As of `ImageRows`.
        inspect: As of `ImageRows`.

    Raises:
        CorpusError: The tar cannot be read.
    """
    rows = ImageRows(path.stem, is_trusted=is_trusted, inspect=inspect)
    with path.open("rb") as stream:
        file = stream.fileno()
        found = sort_members(read_members(path), lambda member: _read_start(file, member))
        for key, reason in found.refused:
            rows.refuse(key, reason)
        for key, member in found.images.items():
            if member.size > DEFAULT_LIMITS.max_bytes:
                rows.refuse(key, f"{member.size:,} bytes is more than the limit of {DEFAULT_LIMITS.max_bytes:,}")
            else:
                rows.add(key, member.offset, os.pread(file, member.size, member.offset))
    index = rows.index()
    return IndexedShard(
        path=path,
        info=ShardInfo(name=path.stem, num_images=len(index), size=path.stat().st_size, digest=digest_file(path)),
        index=index,
        quarantine=rows.quarantine(),
        texts=found.texts,
        unused=tuple(found.unused),
    )


def _read_start(file: int, member: Member) -> bytes:
    return os.pread(file, min(member.size, NUM_SIGNATURE_BYTES), member.offset)
