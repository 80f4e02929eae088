"""Where the tars lie: beside the manifest, or in an object store behind a bounded local cache."""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fsspec

from vitrail.config import Config, require
from vitrail.contracts.corpus import ShardInfo
from vitrail.contracts.files import atomic_file
from vitrail.corpus.corpus import Corpus
from vitrail.errors import CorpusError, VitrailError

__all__ = ["CachedShards", "LocalShards", "ShardCache", "ShardFiles", "ShardStorage"]

_logger = logging.getLogger(__name__)
_CHUNK_BYTES = 4 << 20
_CHANGED = "the tar changed since it was indexed; restore it, or build the corpus again (`vitrail corpus build`)"


class ShardStorage(Protocol):
    """Gives the local path of a tar, fetching it first if need be."""

    def locate(self, shard: ShardInfo) -> Path:
        """The tar on the local disk, of the size that the manifest says."""

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """Hears which tars are read now and which come next."""


class LocalShards:
    """Tars in the corpus folder."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def locate(self, shard: ShardInfo) -> Path:
        """The tar beside the manifest.

        Raises:
            CorpusError: It is absent, or not of the size it was indexed with.
        """
        path = self._corpus.shard_path(shard.name)
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise CorpusError(f"{path} does not exist; run `vitrail corpus check {self._corpus.path}`") from error
        if size != shard.size:
            raise CorpusError(f"{path} has {size:,} bytes and was indexed with {shard.size:,}: {_CHANGED}")
        return path

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """The tars are here already."""


@dataclass(frozen=True, kw_only=True)
class ShardCache(Config):
    """A folder that holds the tars used last; processes of one machine may share it."""

    folder: str
    max_bytes: int = 100 * 2**30
    attempts: int = 4  # per tar, with waits of 1, 2, 4, ... times `first_wait_s` between them
    first_wait_s: float = 1.0

    def __post_init__(self) -> None:
        require(self.max_bytes > 0, "max_bytes", self.max_bytes, "give room for the tars of one group")
        require(self.attempts >= 1, "attempts", self.attempts, "try at least once")
        require(self.first_wait_s >= 0, "first_wait_s", self.first_wait_s, "give 0 or more seconds")


class CachedShards:
    """Tars under an fsspec URL (`s3://bucket/shards`), fetched whole, checked, kept in a bounded cache.

    A tar appears in the cache under its digest, complete and verified, or not at all. When room is needed
    the tars used longest ago go first; a process that still has one open keeps reading it (so the disk may
    hold the open tars of a group on top of `max_bytes`).
    """

    def __init__(self, url: str, cache: ShardCache, **storage_options: Any) -> None:
        self._url = url.rstrip("/")
        self._cache = cache
        self._folder = Path(cache.folder)
        self._options = storage_options

    def locate(self, shard: ShardInfo) -> Path:
        """The cached tar; fetched first when it is not there.

        Raises:
            CorpusError: The object cannot be read, is not what was indexed, or is larger than the cache.
        """
        path = self._folder / f"{shard.digest}.tar"
        with self._lock(shard.digest):
            if not path.exists():
                self._fetch(shard, path)
            os.utime(path)
        return path

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """Fetches the tars that come next in the background, when the cache has room for both groups."""
        tars = {shard.digest: shard for shard in (*current, *following)}
        if sum(shard.size for shard in tars.values()) <= self._cache.max_bytes:
            shards = tuple(tars.values())
            threading.Thread(target=self._fetch_ahead, args=(shards,), name="fetch-ahead", daemon=True).start()

    def _fetch_ahead(self, shards: Sequence[ShardInfo]) -> None:
        for shard in shards:
            try:
                self.locate(shard)
            except CorpusError as error:  # raised again, where it can be handled, when the tar is needed
                _logger.warning("cannot fetch ahead: %s", error)
                return

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        locks = self._folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def _fetch(self, shard: ShardInfo, path: Path) -> None:
        url = f"{self._url}/{shard.name}.tar"
        if shard.size > self._cache.max_bytes:
            limit = f"max_bytes={self._cache.max_bytes:,}"
            raise CorpusError(f"{url} has {shard.size:,} bytes and the cache {limit}: give the cache more room")
        wait_s = self._cache.first_wait_s
        for attempt in range(1, self._cache.attempts + 1):
            try:
                self._download(url, shard, path)
                return
            except VitrailError:
                raise
            except Exception as error:  # every fsspec protocol raises errors of its own
                if attempt == self._cache.attempts:
                    message = f"{url} cannot be read after {attempt} attempts ({type(error).__name__}: {error})"
                    raise CorpusError(f"{message}; check the address, the credentials and the network") from error
            time.sleep(wait_s)
            wait_s *= 2

    def _download(self, url: str, shard: ShardInfo, path: Path) -> None:
        with self._lock("room"):
            self._make_room(shard.size)
        sha = hashlib.sha256()
        with atomic_file(path) as partial, partial.open("wb") as target:
            with fsspec.open(url, "rb", **self._options) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    sha.update(chunk)
                    target.write(chunk)
            target.flush()
            if sha.hexdigest() != shard.digest:
                size = target.tell()
                raise CorpusError(f"{url} ({size:,} bytes) is not what was indexed ({shard.size:,}): {_CHANGED}")

    def _make_room(self, num_bytes: int) -> None:
        tars = sorted(self._folder.glob("*.tar"), key=lambda tar: tar.stat().st_mtime_ns)
        used = sum(tar.stat().st_size for tar in tars)
        for tar in tars:
            if used + num_bytes <= self._cache.max_bytes:
                return
            used -= tar.stat().st_size
            tar.unlink()


class ShardFiles:
    """Open tars, read at any offset without seeking; those read last stay open."""

    def __init__(self, storage: ShardStorage, max_open: int) -> None:
        self._storage = storage
        self._max_open = max_open
        self._files: OrderedDict[str, int] = OrderedDict()

    def read(self, shard: ShardInfo, offset: int, size: int) -> bytes:
        """`size` bytes of a tar (fewer at its end).

        Raises:
            CorpusError: The tar cannot be had.
        """
        if shard.name not in self._files:
            self._files[shard.name] = os.open(self._storage.locate(shard), os.O_RDONLY)
            if len(self._files) > self._max_open:
                os.close(self._files.popitem(last=False)[1])
        self._files.move_to_end(shard.name)
        return os.pread(self._files[shard.name], size, offset)

    def close(self) -> None:
        """Closes every tar."""
        while self._files:
            os.close(self._files.popitem()[1])
