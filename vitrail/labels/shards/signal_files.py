"""The signal files of a corpus: checked before they are read, read whole or in part, and counted afterwards."""

from dataclasses import dataclass
from pathlib import Path

import daft
import pyarrow as pa
import pyarrow.parquet as pq
from daft import col

from vitrail.contracts.corpus import SIGNALS_FILES, SIGNALS_SCHEMA
from vitrail.corpus import Corpus
from vitrail.errors import LabelError

__all__ = ["SignalFiles", "open_signals"]

_WAVE_BYTES = 256 << 20  # signal files are annotated in waves; a finished wave survives a kill
_SAMPLE_SLOTS = 1 << 20
_SAMPLE_COLUMNS = ("image_id", "post_id", "source", "text", "language")
_TEXT_COLUMNS = ("image_id", "post_id", "source", "text")


@dataclass(frozen=True)
class SignalFiles:
    """Parquet files of SIGNALS_SCHEMA."""

    paths: tuple[Path, ...]

    def count(self) -> int:
        """Signals in the files, as their footers say."""
        return sum(pq.read_metadata(path).num_rows for path in self.paths)

    def select(self, *columns: str) -> daft.DataFrame:
        """Some columns of all signals."""
        return daft.read_parquet([str(path) for path in self.paths]).select(*columns)

    def sample(self, most: int) -> pa.Table:
        """About `most` signals, of whole posts chosen by hash, or all; in an order that partitions do not change."""
        total = self.count()
        frame = self.select(*_SAMPLE_COLUMNS)
        if total > most:
            threshold = max(int(_SAMPLE_SLOTS * most / total), 1)
            frame = frame.where(col("post_id").hash() % _SAMPLE_SLOTS < threshold)
        sample = frame.to_arrow()
        if total <= most:
            self.require_all(sample.num_rows)
        return sample.sort_by([(name, "ascending") for name in _SAMPLE_COLUMNS]).combine_chunks()

    def waves(self) -> list["SignalFiles"]:
        """The files in groups of at least _WAVE_BYTES."""
        waves: list[list[Path]] = []
        size = _WAVE_BYTES
        for path in self.paths:
            if size >= _WAVE_BYTES:
                waves.append([])
                size = 0
            waves[-1].append(path)
            size += path.stat().st_size
        return [SignalFiles(tuple(paths)) for paths in waves]

    def require_all(self, num_rows: int) -> None:
        """Refuses a query that lost rows: Daft 0.7.26 now and then ends so instead of raising a reader's error.

        Raises:
            LabelError: It read another number of rows than there are.
        """
        expected = self.count()
        if num_rows != expected:
            raise LabelError(
                f"only {num_rows:,} of {expected:,} signals of {self.paths[0].parent} could be read; texts must be "
                "UTF-8 and files whole: build the corpus again"
            )


def open_signals(corpus: Corpus) -> SignalFiles:
    """The signal files of a corpus, each with the columns that it must have.

    Raises:
        LabelError: There is none, or one cannot be read, lacks a column or holds something else than UTF-8 strings.
    """
    paths = tuple(corpus.signal_files())
    if not paths:
        raise LabelError(f"{(corpus.path / SIGNALS_FILES).parent} has no .parquet file: no text to derive labels from")
    for path in paths:
        _check(path)
    return SignalFiles(paths)


def _check(path: Path) -> None:
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LabelError(f"{path} is not a readable Parquet file ({error}); build the corpus again") from error
    for name in SIGNALS_SCHEMA.names:
        if name not in schema.names:
            raise LabelError(f"{path} lacks the column {name!r}; signals need {SIGNALS_SCHEMA.names}")
    for name in _TEXT_COLUMNS:
        kind = schema.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise LabelError(f"{path}: column {name!r} is {kind}, not a UTF-8 string; decode it when building")
