"""Measures of the text signals: counts per file, a sample of texts, and their distributions."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import SIGNALS_SCHEMA
from vitrail.corpus import Corpus
from vitrail.corpus.store.tables import read_table
from vitrail.errors import CorpusError
from vitrail.validation.config import ValidationConfig
from vitrail.validation.findings import Findings
from vitrail.validation.profile import bucket_counts

__all__ = ["REQUIRED", "SIGNAL_MEASURES", "SignalMeasures", "measure_signals"]

REQUIRED = ("post_id", "image_id", "source", "text", "weight", "observed_at")
SIGNAL_MEASURES = (
    *(f"null_{column}" for column in REQUIRED),
    "num_rows",
    "not_utf8",
    "orphans",
    "bad_weights",
    "empty_texts",
    "empty_share",
)
SAMPLE_SCHEMA = pa.schema([(name, pa.string()) for name in ("file", "image_id", "source", "text", "language")])
_REMEDY = "build the corpus again"


@dataclass
class SignalMeasures:
    """What one pass over the signal files yields."""

    findings: list[Findings] = field(default_factory=list)
    samples: list[pa.Table] = field(default_factory=list)
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {"source": Counter(), "language": Counter(), "text_length": Counter()}
    )
    num_signals: int = 0

    def sample(self) -> pa.Table:
        """One row per sampled text."""
        return pa.concat_tables([SAMPLE_SCHEMA.empty_table(), *self.samples])


def measure_signals(corpus: Corpus, image_ids: pa.Array, config: ValidationConfig) -> SignalMeasures:
    """Reads every signal file once, one after the other.

    Args:
        corpus: The corpus.
        image_ids: The images of its index.
        config: Sample sizes and limits.
    """
    measures = SignalMeasures()
    files = corpus.signal_files()
    rng = np.random.default_rng(config.seed)
    for number, path in enumerate(files):
        share = config.sample_signals * (number + 1) // len(files) - config.sample_signals * number // len(files)
        _measure_file(path, corpus.path, image_ids, share, rng, config, measures)
    return measures


def _measure_file(
    path: Path,
    root: Path,
    image_ids: pa.Array,
    sample_size: int,
    rng: np.random.Generator,
    config: ValidationConfig,
    measures: SignalMeasures,
) -> None:
    findings = Findings(str(path.relative_to(root)), config.num_examples)
    measures.findings.append(findings)
    try:
        table = read_table(path, SIGNALS_SCHEMA, _REMEDY)
    except CorpusError as error:
        findings.problem = str(error).replace(str(path), findings.file)
        return
    image_column = _clean(table["image_id"])
    names = pc.coalesce(image_column, _clean(table["post_id"]), "(unnamed)")
    texts = _clean(table["text"])
    for column in REQUIRED:
        findings.count(f"null_{column}", pc.is_null(table[column]), names)
    is_damaged = pc.and_(pc.is_null(texts), pc.is_valid(table["text"]))
    findings.count("not_utf8", is_damaged, names)
    is_orphan = pc.and_(pc.invert(pc.is_in(image_column, value_set=image_ids)), pc.is_valid(image_column))
    findings.count("orphans", is_orphan, names)
    weights = table["weight"]
    is_weight = pc.and_(pc.is_finite(weights), pc.greater_equal(weights, 0))
    findings.count("bad_weights", pc.fill_null(pc.invert(is_weight), False), names)
    is_empty = pc.fill_null(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(texts)), 0), False)
    findings.count("empty_texts", is_empty, names)
    findings.set("num_rows", len(table))
    findings.set("empty_share", (findings.values["empty_texts"] or 0) / max(1, len(table)))
    _profile(table, texts, measures)
    measures.samples.append(_sample(findings.file, table, names, texts, sample_size, rng))


def _profile(table: pa.Table, texts: pa.ChunkedArray, measures: SignalMeasures) -> None:
    measures.num_signals += len(table)
    for column in ("source", "language"):
        for entry in pc.value_counts(_clean(table[column])).to_pylist():
            measures.counts[column][entry["values"] or "unknown"] += entry["counts"]
    lengths = pc.fill_null(pc.utf8_length(texts), 0).to_numpy()
    measures.counts["text_length"].update(bucket_counts(lengths))


def _sample(
    file: str,
    table: pa.Table,
    names: pa.ChunkedArray,
    texts: pa.ChunkedArray,
    size: int,
    rng: np.random.Generator,
) -> pa.Table:
    rows = np.sort(rng.choice(len(table), size=min(size, len(table)), replace=False))
    columns = (names, _clean(table["source"]), texts, _clean(table["language"]))
    files = pa.array([file] * len(rows), pa.string())
    taken = [column.take(pa.array(rows)).combine_chunks() for column in columns]
    return pa.table([files, *taken], schema=SAMPLE_SCHEMA)


def _clean(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with null in place of strings that are not UTF-8; Parquet does not check them."""
    raw = column.cast(pa.binary())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.chunked_array([[_decode(value) for value in raw.to_pylist()]], pa.string())


def _decode(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
