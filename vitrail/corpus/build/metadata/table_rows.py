"""Rows of a metadata file (CSV, JSON lines, Parquet), each with its line; what is no row says why."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.corpus.build.metadata.csv_records import find_separator, read_records
from vitrail.corpus.build.metadata.label_values import is_nothing
from vitrail.corpus.build.metadata.plain_text import require_plain
from vitrail.errors import CorpusError

__all__ = ["TableRow", "parse_object", "read_columns", "read_rows"]

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_ESCAPED = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of bytes that are not UTF-8
_FILE_NAME = "file_name"
_MAX_DIGITS = 400  # a float has 309 at most
_UNREADABLE = b""  # a value that its own Parquet type does not allow: understood by no column


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: file and line, its columns, or why it cannot be read."""

    where: str
    record: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None


def read_rows(file: Path) -> Iterator[TableRow]:
    """The rows of a `metadata.csv`, `.jsonl` or `.parquet` in order; rows without any value are passed over.

    Raises:
        CorpusError: The file cannot be read as a table, has no column `file_name`, or has a column twice.
    """
    read = {".parquet": _parquet_rows, ".csv": _csv_rows, ".jsonl": _json_rows}[file.suffix.lower()]
    return (row for row in read(file) if row.problem is not None or not all(map(is_nothing, row.record.values())))


def parse_object(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        ValueError: The text is something else, or has a field twice.
    """
    try:
        record = json.loads(text, object_pairs_hook=_without_doubles, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("not JSON (nested too deeply)") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return record


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"not JSON as it should be: {digits[:20]}... has {len(digits):,} digits")
    return int(digits)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError(f"not JSON as it should be: field {_doubled([name for name, _ in pairs])!r} is there twice")
    return record


def _doubled(names: Sequence[str]) -> str | None:
    name, count = Counter(names).most_common(1)[0] if names else ("", 1)
    return name if count > 1 else None


def _lines(file: Path) -> list[str]:
    """The lines with their ends, whichever system wrote them. Bytes that are not UTF-8 become surrogates."""
    data = file.read_bytes()
    mark = next((mark for mark in _MARKS if data.startswith(mark)), b"")
    try:
        text = data.decode(_MARKS.get(mark, "utf-8"), "surrogateescape")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{file} is not whole as {error.encoding.upper()}; save it as UTF-8") from error
    lines = list(io.StringIO(text, newline=""))
    _require_encoding(file, lines)
    return lines


def _require_encoding(file: Path, lines: Sequence[str]) -> None:
    """Refuses a file in another encoding; a bad byte in one line of UTF-8 is a matter of that line."""
    foreign = [(number, line) for number, line in enumerate(lines, start=1) if not line.isascii()]
    bad = [(number, match) for number, line in foreign if (match := _ESCAPED.search(line))]
    if len(bad) > 1 and 2 * len(bad) > len(foreign):
        number, match = bad[0]
        byte = f"{ord(match[0]) - 0xDC00:#04x}"
        raise CorpusError(f"{file}, line {number}: byte {byte} is not UTF-8; save the file as UTF-8")


def _csv_rows(file: Path) -> Iterator[TableRow]:
    lines = _lines(file)
    separator, first = find_separator(lines, _FILE_NAME)
    records = read_records(lines, separator, first)
    start, names, problem = next(records, (first, [], None))
    if problem is not None:
        raise CorpusError(f"{file}, line {start + 1}: the header cannot be read: {problem}; repair it")
    columns = _columns(file, names)
    for start, values, problem in records:
        where = f"{file}, line {start + 1}"
        yield TableRow(where, dict(zip(columns, values, strict=False)), problem)


def _spelled(names: Sequence[str]) -> list[str]:
    """The names, `file_name` in lower case and without blanks around it."""
    return [_FILE_NAME if name.strip().lower() == _FILE_NAME else name for name in names]


def _without_file_name(names: Sequence[str]) -> str:
    return f"has no column {_FILE_NAME!r} (it has {', '.join(names) or 'none'}); add it"


def _columns(file: Path, names: Sequence[str]) -> list[str]:
    columns = _spelled(names)
    if any("\0" in name[:2] for name in names):
        raise CorpusError(
            f"{file}, line 1: every other byte is 0, as in UTF-16 without its mark; save the file as UTF-8"
        )
    if _FILE_NAME not in columns:
        raise CorpusError(f"{file} {_without_file_name(columns)}")
    twice = _doubled([name for name in columns if name.strip()])
    if twice is not None:
        raise CorpusError(f"{file} has the column {twice!r} twice; rename or remove one")
    try:
        for name in columns:
            require_plain(name)
    except ValueError as error:
        raise CorpusError(f"{file}: {error}; rename the column") from error
    return columns


def _json_rows(file: Path) -> Iterator[TableRow]:
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        where = f"{file}, line {number}"
        try:
            record = parse_object(line)
        except ValueError as error:
            yield TableRow(where, problem=f"{error}; repair or remove the line")
            continue
        names = _spelled(list(record))
        if names.count(_FILE_NAME) == 1:
            yield TableRow(where, dict(zip(names, record.values(), strict=True)))
        else:
            problem = (
                f"has the field {_FILE_NAME!r} twice; remove one" if _FILE_NAME in names else _without_file_name(names)
            )
            yield TableRow(where, problem=problem)


def _parquet_rows(file: Path) -> Iterator[TableRow]:
    columns = read_columns(file)
    names = _columns(file, list(columns))
    for number, values in enumerate(zip(*columns.values(), strict=True), start=1):
        yield TableRow(f"{file}, row {number}", dict(zip(names, values, strict=True)))


def read_columns(file: Path) -> dict[str, list[Any]]:
    """The columns of a user's Parquet file as Python values.

    A string that is not UTF-8 has its bytes as surrogates; a value that its type does not allow is empty bytes.

    Raises:
        CorpusError: The file is not Parquet, or has a column twice.
    """
    try:
        table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorpusError(f"{file} is not a readable Parquet file ({error}); repair or remove it") from error
    twice = _doubled(table.column_names)
    if twice is not None:
        raise CorpusError(f"{file} has the column {twice!r} twice; rename or remove one")
    return {name: _values(table[name]) for name in table.column_names}


def _values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):  # a bad one: each by itself
        return [_value(scalar) for scalar in column]


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        if isinstance(scalar, (pa.StringScalar, pa.LargeStringScalar)):
            return scalar.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")
    except (ValueError, OverflowError, pa.ArrowException):
        return _UNREADABLE
    return [_value(item) for item in scalar.values] if isinstance(scalar, pa.ListScalar) else _UNREADABLE
