"""The Parquet file that img2dataset writes beside a shard: one row per download, by key."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vitrail.corpus.build.metadata.table_rows import read_columns
from vitrail.errors import CorpusError

__all__ = ["KeyMatcher", "describe_unmatched", "read_key_rows"]

_SUCCESS = "success"


def read_key_rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, record) of each row.

    Raises:
        CorpusError: The file is no table or has no column `key`.
    """
    columns = read_columns(file)
    if "key" not in columns:
        raise CorpusError(f"{file} has no column 'key' (img2dataset writes it); add it or remove the file")
    for values in zip(*columns.values(), strict=True):
        record = dict(zip(columns, values, strict=True))
        yield str(record["key"]), record


def describe_unmatched(record: dict[str, Any]) -> str:
    """Why a row is about no image."""
    status = record.get("status")
    if isinstance(status, str) and status != _SUCCESS:
        return f"{status}: {record.get('error_message') or 'no reason given'}"
    return "the shard holds no image for this key"


class KeyMatcher:
    """Finds the image that a table means: by its key, by its file name, or without its folder where that is unique."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Takes the keys of the images of one shard."""
        self._keys = {_comparable(key): key for key in keys}
        counts = Counter(_base(key) for key in self._keys)
        self._by_base = {_base(key): original for key, original in self._keys.items() if counts[_base(key)] == 1}

    def find(self, key: str) -> str | None:
        """The key of the image, or None."""
        given = _comparable(key)
        without_extension = given.rpartition(".")[0]
        for spelling in (given, without_extension):
            if spelling in self._keys:
                return self._keys[spelling]
        if "/" in given:
            return None
        return self._by_base.get(given) or self._by_base.get(without_extension)


def _comparable(key: str) -> str:
    parts = unicodedata.normalize("NFC", key).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _base(key: str) -> str:
    return key.rpartition("/")[2]
