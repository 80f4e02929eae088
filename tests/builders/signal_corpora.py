"""Corpora with chosen signals, over the pictures of another."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.corpus import SIGNALS_SCHEMA
from vitrail.contracts.files import digest_file
from vitrail.labels import LabelsConfig

__all__ = ["CONFIG", "all_digests", "copy_corpus", "read_signals", "signals_of"]

CONFIG = LabelsConfig(clustering="none", min_images=4)  # without the encoder: seconds less for each derivation


def all_digests(folder):
    return {str(path.relative_to(folder)): digest_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def copy_corpus(source: Path, target: Path, tables: list[pa.Table]) -> Path:
    """The same images with other signal files."""
    target.mkdir()
    shutil.copytree(source / "index", target / "index")
    shutil.copy(source / "corpus.json", target)
    (target / "signals").mkdir()
    for number, table in enumerate(tables):
        pq.write_table(table, target / "signals" / f"{number:03}.parquet", row_group_size=500)
    return target


def read_signals(corpus: Path) -> pa.Table:
    return pq.read_table(corpus / "signals").cast(SIGNALS_SCHEMA)


def signals_of(rows):
    filled = [
        {"post_id": "p", "source": "title", "weight": 1.0, "language": "en", "observed_at": 0} | row for row in rows
    ]
    return pa.Table.from_pylist(filled, schema=SIGNALS_SCHEMA)
