"""The annotating batch function: raw signals in, term numbers per signal out, spilled by shard."""

import json
import uuid
from collections import Counter
from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrail.labels.shards.engine import prepare_worker
from vitrail.labels.shards.image_rows import ImageLookup, open_lookup
from vitrail.labels.text.matching import Matches
from vitrail.labels.text.normalise import BREAK, TokenBatch, is_too_long, tokenise
from vitrail.labels.text.surfaces import Surfaces, load_surfaces

__all__ = ["SIGNAL_COLUMNS", "Annotator", "annotate", "as_array", "read_spill"]

SIGNAL_COLUMNS = ("image_id", "post_id", "source", "text", "weight", "language")
_SIGNALS_PER_BATCH = 65_536


def annotate(columns: dict[str, pa.Array], surfaces: Surfaces, lookup: ImageLookup) -> tuple[pa.Table, Counter[str]]:
    """Annotates one batch of signals.

    Args:
        columns: SIGNAL_COLUMNS of B signals.
        surfaces: Of the dictionaries.
        lookup: Of the corpus.

    Returns:
        A table with a row per signal that matched (row, post_id, source, weight, num_tokens, terms, nested),
        ordered by row, and the number of signals that were skipped, or cut, by reason.
    """
    rows = lookup.find(columns["image_id"])
    tokens = tokenise(columns["text"])
    matches = surfaces.find(tokens, columns["language"])
    num_matches = np.bincount(matches.text, minlength=len(rows))
    kept = np.flatnonzero((rows >= 0) & (num_matches > 0))
    kept = kept[np.argsort(rows[kept], kind="stable")]
    skipped = _count_skipped(columns["text"], rows, tokens, num_matches)
    return _spill_table(columns, rows, kept, tokens, matches, num_matches), skipped


def _count_skipped(texts: pa.Array, rows: np.ndarray, tokens: TokenBatch, num_matches: np.ndarray) -> Counter[str]:
    is_known, is_null = rows >= 0, pc.is_null(texts).to_numpy(zero_copy_only=False)
    has_words = num_matches > 0
    unmatched = np.flatnonzero(~has_words)
    has_words[unmatched] = _have_words(tokens, unmatched)
    masks = {
        "unknown_image": ~is_known,
        "null_text": is_known & is_null,
        "no_words": is_known & ~is_null & ~has_words,
        "no_known_phrase": is_known & has_words & (num_matches == 0),
        "read_in_part": is_known & is_too_long(texts).to_numpy(zero_copy_only=False),
    }
    return Counter({reason: int(mask.sum()) for reason, mask in masks.items() if mask.any()})


def _have_words(tokens: TokenBatch, texts: np.ndarray) -> np.ndarray:
    """Whether there is more than punctuation and symbols in these texts."""
    counts = np.diff(tokens.offsets)[texts]
    owner = np.repeat(np.arange(len(texts)), counts)
    index = np.repeat(tokens.offsets[texts] - (np.cumsum(counts) - counts), counts) + np.arange(len(owner))
    is_word = pc.not_equal(tokens.tokens.take(pa.array(index)), BREAK).to_numpy(zero_copy_only=False)
    return np.bincount(owner[is_word], minlength=len(texts)) > 0


def _spill_table(
    columns: dict[str, pa.Array],
    rows: np.ndarray,
    kept: np.ndarray,
    tokens: TokenBatch,
    matches: Matches,
    num_matches: np.ndarray,
) -> pa.Table:
    counts = num_matches[kept]
    ends = np.cumsum(counts)
    firsts = (np.cumsum(num_matches) - num_matches)[kept]
    index = np.repeat(firsts - (ends - counts), counts) + np.arange(ends[-1] if len(ends) else 0)
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    terms = pa.array(matches.term[index])
    taken = pa.array(kept)
    return pa.table(
        {
            "row": rows[kept],
            "post_id": columns["post_id"].take(taken).cast(pa.string()).fill_null(""),
            "source": columns["source"].take(taken).cast(pa.string()).fill_null(""),
            "weight": columns["weight"].take(taken).cast(pa.float32()).fill_null(1.0),
            "num_tokens": np.diff(tokens.offsets)[kept].astype(np.int32),
            "terms": pa.ListArray.from_arrays(offsets, terms),
            "nested": pa.ListArray.from_arrays(offsets, pa.array(matches.is_nested[index])),
        }
    )


@daft.cls
class Annotator:
    """Annotates signals in a Daft worker and spills the result, one record batch per shard.

    Spill files get fresh names; only those the query reports back count, so that a batch that a lost worker
    wrote and another one repeated is read once.

    Args:
        work: Folder with the lookup and the surface forms.
        spill: Folder for the spill files.
    """

    def __init__(self, work: str, spill: str) -> None:
        prepare_worker()
        self._surfaces = load_surfaces(Path(work))
        self._lookup = open_lookup(Path(work))
        self._spill = Path(spill)

    @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=_SIGNALS_PER_BATCH)
    def annotate(
        self,
        image_id: daft.Series,
        post_id: daft.Series,
        source: daft.Series,
        text: daft.Series,
        weight: daft.Series,
        language: daft.Series,
    ) -> pa.Array:
        """A report (JSON) in the first row of each batch, null in the others."""
        arrays = (as_array(series.to_arrow()) for series in (image_id, post_id, source, text, weight, language))
        columns = dict(zip(SIGNAL_COLUMNS, arrays, strict=True))
        table, skipped = annotate(columns, self._surfaces, self._lookup)
        name, shards = self._write(table)
        report = {"num_signals": len(text), "skipped": skipped, "file": name, "shards": shards}
        return pa.array([json.dumps(report), *[None] * (len(text) - 1)], pa.string())

    def _write(self, table: pa.Table) -> tuple[str, list[int]]:
        name = f"{uuid.uuid4().hex}.arrow"
        shards = self._lookup.shard_of(table["row"].to_numpy())
        numbers, starts = np.unique(shards, return_index=True)
        ends = [*starts[1:].tolist(), len(shards)]
        batch = table.combine_chunks().to_batches()
        with (
            pa.OSFile(str(self._spill / name), "wb") as stream,
            pa.ipc.new_file(stream, table.schema) as writer,
        ):
            for start, end in zip(starts.tolist(), ends, strict=True):
                writer.write_batch(batch[0].slice(start, end - start))
        return name, numbers.tolist()


def as_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array."""
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def read_spill(path: Path, position: int) -> pa.RecordBatch:
    """Record batch `position` of a spill file, memory-mapped."""
    with pa.memory_map(str(path)) as stream:
        return pa.ipc.open_file(stream).get_batch(position)
