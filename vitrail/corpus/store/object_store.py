"""Tars in an object store, behind a bounded local cache that the processes of a machine share."""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec

from vitrail.config import Config, require
from vitrail.contracts.corpus import ShardInfo
from vitrail.errors import CorpusError

__all__ = ["CHANGED", "CachedShards", "RemoteShards", "ShardCache"]

_logger = logging.getLogger(__name__)
_CHUNK_BYTES = 4 << 20
_POLL_S = 0.1
_CHECK = "check the address, the credentials and the network"
CHANGED = "the tar changed since it was indexed; restore it, or build the corpus again (`vitrail corpus build`)"


@dataclass(frozen=True, kw_only=True)
class ShardCache(Config):
    """A folder that holds the tars used last; processes of one machine may share it."""

    folder: str = "cache"  # on a disk of this machine; relative to the corpus
    max_bytes: int = 100 * 2**30
    attempts: int = 4  # per tar, with waits of 1, 2, 4, ... times `first_wait_s` between them
    first_wait_s: float = 1.0

    def __post_init__(self) -> None:
        require(self.max_bytes > 0, "max_bytes", self.max_bytes, "give room for the tars of one group")
        require(self.attempts >= 1, "attempts", self.attempts, "try at least once")
        require(self.first_wait_s >= 0, "first_wait_s", self.first_wait_s, "give 0 or more seconds")


@dataclass(frozen=True, kw_only=True)
class RemoteShards(Config):
    """Where the tars of a corpus lie when they are not in its folder."""

    url: str  # of the folder that holds them, for fsspec: s3://bucket/shards, https://host/shards, ...
    cache: ShardCache = field(default_factory=ShardCache)
    options: dict[str, Any] = field(default_factory=dict)  # of fsspec's file system; secrets stay in its environment


class CachedShards:
    """Tars under an fsspec URL, fetched whole, checked, kept in a bounded cache.

    A tar appears in the cache under its digest, complete and verified, or not at all. When room is needed
    the tars used longest ago go first; a process that still has one open keeps reading it (so the disk may
    hold the open tars of a group on top of `max_bytes`). A tar on its way counts with its full size.
    """

    def __init__(self, remote: RemoteShards) -> None:
        """Takes the address; nothing is fetched yet.

        Raises:
            CorpusError: Nothing installed speaks the protocol of the address.
        """
        self._url = remote.url.rstrip("/")
        self._cache = remote.cache
        self._folder = Path(remote.cache.folder)
        self._options = remote.options
        try:
            fsspec.get_filesystem_class(fsspec.utils.get_protocol(self._url))
        except (ImportError, ValueError) as error:
            raise CorpusError(f"{self._url} cannot be read: {error}") from error

    def open(self, shard: ShardInfo) -> int:
        """The cached tar; fetched first when it is not there.

        Raises:
            CorpusError: The object cannot be read, is not what was indexed, or is larger than the cache.
        """
        path = self._folder / f"{shard.digest}.tar"
        with self._lock(shard.digest):
            try:
                file = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                file = self._fetch(shard, path)
        os.utime(file)
        return file

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """Fetches the tars that come next in the background, when the cache has room for both groups."""
        tars = {shard.digest: shard for shard in (*current, *following)}
        if sum(shard.size for shard in tars.values()) <= self._cache.max_bytes:
            shards = tuple(tars.values())
            threading.Thread(target=self._fetch_ahead, args=(shards,), name="fetch-ahead", daemon=True).start()

    def verify(self, shard: ShardInfo) -> None:
        """Compares the size that the store states; the SHA-256 is compared whenever a tar is fetched.

        Raises:
            CorpusError: The object cannot be reached, or has another size.
        """
        url = self._address(shard)
        try:
            file_system, path = fsspec.url_to_fs(url, **self._options)
            size = file_system.info(path)["size"]
        except Exception as error:  # every fsspec protocol raises errors of its own
            raise CorpusError(f"{url} cannot be reached ({_describe(error)}); {_CHECK}") from error
        if size != shard.size:
            raise CorpusError(f"{url} has {size:,} bytes and was indexed with {shard.size:,}: {CHANGED}")

    def _address(self, shard: ShardInfo) -> str:
        return f"{self._url}/{shard.name}.tar"

    def _fetch_ahead(self, shards: Sequence[ShardInfo]) -> None:
        for shard in shards:
            try:
                os.close(self.open(shard))
            except CorpusError as error:  # raised again, where it can be handled, when the tar is needed
                _logger.warning("cannot fetch ahead: %s", error)
                return

    @contextlib.contextmanager
    def _lock(self, name: str, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
        locks = self._folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as stream:
            fcntl.flock(stream, operation)
            yield

    def _fetch(self, shard: ShardInfo, path: Path) -> int:
        url = self._address(shard)
        if shard.size > self._cache.max_bytes:
            limit = f"max_bytes={self._cache.max_bytes:,}"
            raise CorpusError(f"{url} has {shard.size:,} bytes and the cache {limit}: give the cache more room")
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)  # of a process that was killed
        self._reserve(partial, shard.size)
        try:
            self._try_to_download(url, shard, partial)
            file = os.open(partial, os.O_RDONLY)  # stays readable, even if the tar must make room at once
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return file

    def _try_to_download(self, url: str, shard: ShardInfo, partial: Path) -> None:
        wait_s = self._cache.first_wait_s
        for attempt in range(1, self._cache.attempts + 1):
            try:
                self._download(url, shard, partial)
                return
            except Exception as error:  # every fsspec protocol raises errors of its own
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    message = f"the disk of {self._folder} is full; free space or lower max_bytes"
                    raise CorpusError(f"{url} cannot be kept: {message}") from error
                if attempt == self._cache.attempts:
                    message = f"{url} cannot be read after {attempt} attempts ({_describe(error)})"
                    raise CorpusError(f"{message}; {_CHECK}") from error
            time.sleep(wait_s)
            wait_s *= 2

    def _download(self, url: str, shard: ShardInfo, partial: Path) -> None:
        sha = hashlib.sha256()
        with partial.open("r+b") as target, fsspec.open(url, "rb", **self._options) as source:
            while chunk := source.read(_CHUNK_BYTES):
                sha.update(chunk)
                target.write(chunk)
                if target.tell() > shard.size:
                    break
            target.truncate()
            target.flush()
            os.fsync(target.fileno())
            size = target.tell()
        if sha.hexdigest() != shard.digest:
            raise CorpusError(f"its {size:,} bytes are not the {shard.size:,} that were indexed: {CHANGED}")

    def _reserve(self, partial: Path, num_bytes: int) -> None:
        """Makes room, waiting for downloads of other processes if it must, and takes it."""
        while True:
            with self._lock("room"):
                if self._make_room(num_bytes):
                    with partial.open("wb") as stream:
                        stream.truncate(num_bytes)
                    return
            time.sleep(_POLL_S)

    def _make_room(self, num_bytes: int) -> bool:
        arriving = sum(size for _, size, path in self._files("*.partial") if not self._is_abandoned(path))
        tars = self._files("*.tar")
        wanted = arriving + num_bytes
        if wanted > self._cache.max_bytes:
            return False
        used = sum(size for _, size, _ in tars)
        for _, size, path in tars:
            if used + wanted <= self._cache.max_bytes:
                break
            path.unlink(missing_ok=True)
            used -= size
        return True

    def _files(self, pattern: str) -> list[tuple[int, int, Path]]:
        """(time of last use, size, path), longest ago first."""
        found = []
        for path in self._folder.glob(pattern):
            with contextlib.suppress(FileNotFoundError):  # just now completed by another process
                stat = path.stat()
                found.append((stat.st_mtime_ns, stat.st_size, path))
        return sorted(found)

    def _is_abandoned(self, partial: Path) -> bool:
        """Removes what a killed process left: nobody holds its lock."""
        try:
            with self._lock(partial.stem, fcntl.LOCK_EX | fcntl.LOCK_NB):
                partial.unlink(missing_ok=True)
        except BlockingIOError:
            return False
        return True


def _describe(error: BaseException) -> str:
    if isinstance(error, CorpusError):
        return str(error)
    cause = f", caused by {_describe(error.__cause__)}" if error.__cause__ else ""
    return f"{type(error).__name__}: {error}{cause}"
