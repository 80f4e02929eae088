"""Ways to damage a copy of a corpus or of a label set."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["change_first", "replace_column", "truncate_first_image", "write_invalid_utf8"]


def replace_column(path: Path, name: str, values: pa.Array | pa.ChunkedArray | list[Any]) -> None:
    table = pq.read_table(path)
    place = table.schema.get_field_index(name)
    column = pa.array(values, table.schema.field(name).type) if isinstance(values, list) else values
    pq.write_table(table.set_column(place, name, column), path)


def change_first(path: Path, name: str, value: Any) -> str:
    """Puts `value` into the first row and returns the image_id the row had."""
    table = pq.read_table(path)
    replace_column(path, name, [value, *table[name].to_pylist()[1:]])
    return str(table["image_id"][0].as_py())


def write_invalid_utf8(path: Path, row: int) -> str:
    table = pq.read_table(path)
    raw = [value.encode() for value in table["text"].to_pylist()]
    raw[row] = b"caf\xe9"
    replace_column(path, "text", pa.Array.from_buffers(pa.string(), len(raw), pa.array(raw).buffers()))
    return str(table["image_id"][row].as_py())


def truncate_first_image(corpus: Path) -> str:
    """Overwrites the second half of the first image with zeros."""
    row = pq.read_table(corpus / "index" / "00000.parquet").slice(0, 1).to_pylist()[0]
    half = row["size"] // 2
    with (corpus / "shards" / "00000.tar").open("r+b") as tar:
        tar.seek(row["offset"] + half)
        tar.write(b"\0" * (row["size"] - half))
    return str(row["image_id"])
