"""Records of a CSV file as spreadsheets and scripts write them: any usual separator, and a bad record alone is lost."""

import csv
import re
from collections.abc import Iterator, Sequence

__all__ = ["find_separator", "read_records"]

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_DECLARED = re.compile(r'"?sep=([,;\t|:])"?\s*')  # what a spreadsheet writes on top for others of its kind
_MAX_RECORD_LINES = 1000  # of one record: a quote that is open for longer was never closed
_MAX_FIELD = 1 << 27

Record = tuple[int, list[str], str | None]  # position of the first line, fields, or why there are none


def find_separator(lines: Sequence[str], key: str) -> tuple[str, int]:
    """The separator of a table, and the position of its header.

    The separator is the one under which the header names `key`, and then the one under which most of the
    first rows have as many fields as the header.
    """
    declared = _DECLARED.fullmatch(lines[0]) if lines else None
    if declared:
        return declared[1], 1
    sample = lines[:_SAMPLE_LINES]
    return max(SEPARATORS, key=lambda separator: _fit(sample, separator, key)), 0


def _fit(lines: Sequence[str], separator: str, key: str) -> tuple[bool, bool, float]:
    rows = [fields for _, fields, problem in read_records(lines, separator, 0) if problem is None]
    # The header may have a broken quote, which is for the reader to say: here it is cut at every separator.
    header = [name.strip(' "\r\n').lower() for name in lines[0].split(separator)] if lines else []
    share = sum(len(fields) == len(rows[0]) for fields in rows) / max(1, len(rows))
    return key in header, len(header) > 1, share


def read_records(lines: Sequence[str], separator: str, first: int) -> Iterator[Record]:
    """The records from line `first` on, the header among them; blank lines are passed over.

    A record with broken quotes, or with more fields than the header, is a problem of its first line, and
    reading goes on at the next: a quote that is never closed does not swallow the rows below it.
    """
    csv.field_size_limit(_MAX_FIELD)
    width: int | None = None
    at = first
    while at < len(lines):
        start = at
        fields, num_lines, problem = _read_one(lines, start, separator)
        if problem is None and width is not None:
            problem = _misfit(fields, num_lines, width)
        at = start + (num_lines if problem is None else 1)
        if problem is None and not fields:
            continue
        width = len(fields) if width is None else width
        yield start, fields, problem


def _read_one(lines: Sequence[str], start: int, separator: str) -> tuple[list[str], int, str | None]:
    end = min(len(lines), start + _MAX_RECORD_LINES)
    reader = csv.reader((lines[at] for at in range(start, end)), delimiter=separator, strict=True)
    try:
        return next(reader), reader.line_num, None
    except csv.Error as error:
        return [], 1, f"its quotes are broken ({error}); write a quote inside a quoted field twice"


def _misfit(fields: Sequence[str], num_lines: int, width: int) -> str | None:
    if len(fields) > width:
        return f"has {len(fields)} fields, the header has {width}; quote separators inside a field"
    if num_lines > 1 and len(fields) < width:
        return f"has a quoted field over {num_lines} lines and {len(fields)} fields of {width}; close its quote"
    return None
