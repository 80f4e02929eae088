"""Where the tars of a corpus lie: beside the manifest, or in an object store."""

import dataclasses
import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from vitrail.contracts.codec import load
from vitrail.contracts.corpus import SHARDS_FOLDER, ShardInfo
from vitrail.contracts.files import digest_file
from vitrail.corpus.store.object_store import CHANGED, CachedShards, RemoteShards
from vitrail.errors import CorpusError

__all__ = ["REMOTE_FILE", "LocalShards", "ShardFiles", "ShardStorage", "open_storage"]

REMOTE_FILE = "remote.json"


class ShardStorage(Protocol):
    """Opens tars, fetching them first if need be."""

    def open(self, shard: ShardInfo) -> int:
        """A file descriptor of the tar on the local disk, of the size that the manifest says."""

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """Hears which tars are read now and which come next."""

    def verify(self, shard: ShardInfo) -> None:
        """Refuses a tar that is absent or not what was indexed."""


class LocalShards:
    """Tars in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, shard: ShardInfo) -> int:
        """The tar in the folder.

        Raises:
            CorpusError: It is absent, or not of the size it was indexed with.
        """
        path = self._folder / f"{shard.name}.tar"
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise CorpusError(f"{path} does not exist; run `vitrail corpus check {self._folder.parent}`") from error
        size = os.fstat(file).st_size
        if size != shard.size:
            os.close(file)
            raise CorpusError(f"{path} has {size:,} bytes and was indexed with {shard.size:,}: {CHANGED}")
        return file

    def announce(self, current: Sequence[ShardInfo], following: Sequence[ShardInfo]) -> None:
        """The tars are here already."""

    def verify(self, shard: ShardInfo) -> None:
        """Compares size and SHA-256.

        Raises:
            CorpusError: The tar is absent or has changed.
        """
        path = self._folder / f"{shard.name}.tar"
        if not path.exists():
            raise CorpusError(f"{path} is missing; restore it (`dvc pull`), or build the corpus again")
        if path.stat().st_size != shard.size:
            found = f"{path.stat().st_size:,} bytes, not {shard.size:,}"
            raise CorpusError(f"{path} is {found}: truncated or changed; {CHANGED}")
        if digest_file(path) != shard.digest:
            raise CorpusError(f"{path} has another SHA-256: {CHANGED}")


def open_storage(folder: Path) -> ShardStorage:
    """Where the tars of a corpus folder lie: `remote.json` names an object store, else they are in `shards/`.

    Raises:
        ConfigError: `remote.json` is not a valid RemoteShards.
        CorpusError: Its address has a protocol that nothing installed speaks.
    """
    if not (folder / REMOTE_FILE).is_file():
        return LocalShards(folder / SHARDS_FOLDER)
    remote = load(RemoteShards, folder / REMOTE_FILE)
    cache = dataclasses.replace(remote.cache, folder=str(folder / remote.cache.folder))
    return CachedShards(dataclasses.replace(remote, cache=cache))


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
            self._files[shard.name] = self._storage.open(shard)
            if len(self._files) > self._max_open:
                os.close(self._files.popitem(last=False)[1])
        self._files.move_to_end(shard.name)
        return os.pread(self._files[shard.name], size, offset)

    def close(self) -> None:
        """Closes every tar."""
        while self._files:
            os.close(self._files.popitem()[1])
