"""Parquet tables of a corpus: equal rows give equal bytes, and errors name the file."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.errors import CorpusError

__all__ = ["read_batches", "read_table", "table_of", "write_table"]

_ROW_GROUP_ROWS = 1 << 16


def table_of(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """A table with the columns of `schema` from dictionaries; absent keys are null."""
    return pa.Table.from_pylist(list(rows), schema=schema)


def write_table(path: Path, table: pa.Table, schema: pa.Schema) -> None:
    """Writes `table` as Parquet. The bytes depend on the rows and on the pyarrow version alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3, version="2.6") as writer:
        for start in range(0, max(len(table), 1), _ROW_GROUP_ROWS):
            part = table.slice(start, _ROW_GROUP_ROWS)  # a string column of a whole table may hold more than 2 GB
            plain = pa.Table.from_arrays([part[name].combine_chunks() for name in schema.names], schema=schema)
            writer.write_table(plain, row_group_size=_ROW_GROUP_ROWS)


def read_table(path: Path, schema: pa.Schema, remedy: str) -> pa.Table:
    """Reads a Parquet file and demands the columns of `schema`, which are returned in its order.

    Args:
        path: The file.
        schema: Names and types that must be there.
        remedy: What the user can do when the file is not as it should be.

    Raises:
        CorpusError: The file is absent, is not Parquet, or lacks a column or has it in another type.
    """
    file = _open(path, schema, remedy)
    with _readable(path, remedy):
        return file.read(columns=schema.names).select(schema.names)


def read_batches(path: Path, schema: pa.Schema, remedy: str) -> Iterator[pa.Table]:
    """As `read_table`, a row group at a time."""
    file = _open(path, schema, remedy)
    for number in range(file.num_row_groups):
        with _readable(path, remedy):
            table = file.read_row_group(number, columns=schema.names)
        yield table.select(schema.names)


def _open(path: Path, schema: pa.Schema, remedy: str) -> pq.ParquetFile:
    if path.exists() and not path.is_file():
        raise CorpusError(f"{path} is a folder, a pipe or a device, and no file; {remedy}")
    with _readable(path, remedy):
        file = pq.ParquetFile(path)
    found = file.schema_arrow
    for field in schema:
        if field.name not in found.names:
            have = ", ".join(found.names)
            raise CorpusError(f"{path} has no column {field.name!r} (it has {have}); {remedy}")
        kind = found.field(field.name).type
        if kind != field.type:
            raise CorpusError(f"{path}: column {field.name!r} is {kind}, not {field.type}; {remedy}")
    return file


@contextlib.contextmanager
def _readable(path: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CorpusError(f"{path} does not exist; {remedy}") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise CorpusError(f"{path} is not a readable Parquet file ({error}); {remedy}") from error
