"""Judgements: whether a phrase names what a picture shows, as a person or a held-out field says.

They are keyed by content (image id and phrase), so they outlive the label set they were sampled from.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from vitrail.contracts.files import atomic_file
from vitrail.errors import LabelError

__all__ = ["JUDGEMENTS_SCHEMA", "read_judgements", "write_judgements"]

JUDGEMENTS_SCHEMA = pa.schema([("image_id", pa.string()), ("term", pa.string()), ("is_right", pa.bool_())])


def write_judgements(path: Path, judgements: pa.Table) -> None:
    """Writes judgements as Parquet, or as CSV when the name ends so."""
    table = judgements.select(JUDGEMENTS_SCHEMA.names).cast(JUDGEMENTS_SCHEMA)
    with atomic_file(path) as partial:
        if path.suffix == ".csv":
            pa.csv.write_csv(table, partial)
        else:
            pq.write_table(table, partial)


def read_judgements(path: Path) -> pa.Table:
    """JUDGEMENTS_SCHEMA rows of a Parquet or CSV file.

    Raises:
        LabelError: The file cannot be read, lacks a column, is empty, or judges one pair both ways.
    """
    try:
        table = _read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
        table = table.select(JUDGEMENTS_SCHEMA.names).cast(JUDGEMENTS_SCHEMA)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise LabelError(
            f"{path} does not hold judgements ({error}); it needs the columns {', '.join(JUDGEMENTS_SCHEMA.names)}, "
            "as `vitrail labels judge` writes them"
        ) from error
    table = table.filter(pc.is_valid(table["is_right"]))
    if not table.num_rows:
        raise LabelError(f"{path} has no judgement; mark some pairs first")
    distinct = table.group_by(JUDGEMENTS_SCHEMA.names).aggregate([])
    pairs = distinct.group_by(["image_id", "term"]).aggregate([("is_right", "count")])
    torn = pairs.filter(pc.greater(pairs["is_right_count"], 1)).slice(0, 1).to_pylist()
    if torn:
        raise LabelError(
            f"{path} judges {torn[0]['term']!r} of image {torn[0]['image_id']!r} both right and wrong; keep one row"
        )
    return distinct.sort_by([(name, "ascending") for name in ("image_id", "term")])


def _read_csv(path: Path) -> pa.Table:
    """With the types of the schema: by their looks, image ids such as 000123 would become numbers."""
    types = {name: JUDGEMENTS_SCHEMA.field(name).type for name in JUDGEMENTS_SCHEMA.names}
    return pa.csv.read_csv(path, convert_options=pa.csv.ConvertOptions(column_types=types))
