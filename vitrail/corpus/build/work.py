"""What a build has done of each shard, kept until the corpus is whole: a build that was killed goes on from there."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from vitrail.contracts.codec import decode, encode
from vitrail.contracts.corpus import (
    INDEX_SCHEMA,
    QUARANTINE_FILE,
    QUARANTINE_SCHEMA,
    UNUSED_FILE,
    UNUSED_SCHEMA,
    ShardInfo,
)
from vitrail.contracts.files import digest_json, read_json, write_json
from vitrail.corpus.build.indexing import IndexedShard
from vitrail.corpus.store.tables import read_table, write_table
from vitrail.corpus.store.tars import Member

__all__ = ["ShardWork"]

_VERSION = 1  # of what is kept: raise it with every change of what is made of an image
_MEMBERS_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("extension", pa.string()),
        ("name", pa.string()),
        ("offset", pa.int64()),
        ("size", pa.int64()),
    ]
)
_REMEDY = "remove the folder and build again"


@dataclass(frozen=True)
class ShardWork:
    """The folder of one shard in the work of a build; its `done.json`, written last, says what it was made from."""

    folder: Path

    @property
    def tar(self) -> Path:
        """Where the tar of images that are packed lies."""
        return self.folder / "shard.tar"

    @property
    def thumbnails(self) -> Path:
        """The thumbnails of the images in the index, one behind the other."""
        return self.folder / "thumbnails"

    def is_done(self, made_from: Any) -> bool:
        """Whether all of it was made from the same; else nothing is left of it."""
        done = self.folder / "done.json"
        if done.is_file() and read_json(done)["made_from"] == _digest(made_from):
            return True
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return False

    def store(self, shard: IndexedShard, made_from: Any) -> None:
        """Keeps what is known of a shard; `made_from` is a JSON value."""
        write_table(self.folder / "index.parquet", shard.index, INDEX_SCHEMA)
        write_table(self.folder / QUARANTINE_FILE, shard.quarantine, QUARANTINE_SCHEMA)
        texts = [
            (key, extension, member.name, member.offset, member.size)
            for key, members in shard.texts.items()
            for extension, member in members.items()
        ]
        _write_rows(self.folder / "texts.parquet", texts, _MEMBERS_SCHEMA)
        _write_rows(self.folder / UNUSED_FILE, list(shard.unused), UNUSED_SCHEMA)
        done = {"made_from": _digest(made_from), "path": str(shard.path), "info": encode(shard.info)}
        write_json(self.folder / "done.json", done)

    def info(self) -> ShardInfo:
        """The shard's name, size and digest."""
        return decode(ShardInfo, read_json(self.folder / "done.json")["info"], str(self.folder))

    def load(self) -> IndexedShard:
        """What `store` was given."""
        done = read_json(self.folder / "done.json")
        texts: dict[str, dict[str, Member]] = {}
        for key, extension, *member in _rows(self.folder / "texts.parquet", _MEMBERS_SCHEMA):
            texts.setdefault(key, {})[extension] = Member(*member)
        return IndexedShard(
            path=Path(done["path"]),
            info=self.info(),
            index=read_table(self.folder / "index.parquet", INDEX_SCHEMA, _REMEDY),
            quarantine=read_table(self.folder / QUARANTINE_FILE, QUARANTINE_SCHEMA, _REMEDY),
            texts=texts,
            unused=tuple(_rows(self.folder / UNUSED_FILE, UNUSED_SCHEMA)),
        )


def _digest(made_from: Any) -> str:
    return digest_json([_VERSION, made_from])


def _write_rows(path: Path, rows: list[tuple[Any, ...]], schema: pa.Schema) -> None:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    write_table(path, pa.Table.from_arrays(arrays, schema=schema), schema)


def _rows(path: Path, schema: pa.Schema) -> list[tuple[Any, ...]]:
    table = read_table(path, schema, _REMEDY)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))
