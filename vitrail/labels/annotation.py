"""The annotating batch function: raw signals in, term ids per signal out, spilled by shard of the image."""

import json
import uuid
from collections import Counter
from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.labels.images import ImageLookup, open_lookup
from vitrail.labels.matching import Matcher
from vitrail.labels.normalise import tokenise

__all__ = ["Annotator", "annotate", "load_matcher", "read_spill", "save_terms"]

_SIGNALS_PER_BATCH = 65_536


def save_terms(path: Path, terms: list[tuple[str, ...]], numbers: np.ndarray) -> None:
    """Writes the surface forms that are matched; `numbers` is the term each counts as."""
    pq.write_table(
        pa.table(
            {"tokens": pa.array([list(term) for term in terms], pa.list_(pa.string())), "number": numbers}
        ),
        path,
    )


def load_matcher(path: Path) -> tuple[Matcher, np.ndarray]:
    """The matcher over the surface forms of `save_terms`, and the term number of each."""
    table = pq.read_table(path)
    return Matcher(table["tokens"].to_pylist()), table["number"].to_numpy()


def annotate(
    columns: dict[str, pa.Array], matcher: Matcher, numbers: np.ndarray, lookup: ImageLookup
) -> tuple[pa.Table, Counter[str]]:
    """Annotates one batch of signals.

    Args:
        columns: image_id, post_id, source, text, weight of B signals.
        matcher: Over surface forms.
        numbers: Term number of each surface form.
        lookup: Of the corpus.

    Returns:
        A table with a row per signal that matched (row, post_id, source, weight, terms, nested), ordered by row,
        and the number of signals that were skipped, by reason.
    """
    rows = lookup.find(columns["image_id"])
    tokens = tokenise(columns["text"])
    matches = matcher.find(tokens)
    is_null = pc.is_null(columns["text"]).to_numpy(zero_copy_only=False)
    num_tokens = np.diff(tokens.offsets)
    num_matches = np.bincount(matches.text, minlength=len(rows))
    skipped = {
        "unknown_image": rows < 0,
        "null_text": (rows >= 0) & is_null,
        "no_words": (rows >= 0) & ~is_null & (num_tokens == 0),
        "no_known_phrase": (rows >= 0) & (num_tokens > 0) & (num_matches == 0),
    }
    kept = np.flatnonzero((rows >= 0) & (num_matches > 0))
    table = _spill_table(columns, rows, kept, matches, numbers, num_matches)
    order = np.argsort(rows[kept], kind="stable")
    return table.take(pa.array(order)), Counter(
        {name: int(mask.sum()) for name, mask in skipped.items() if mask.any()}
    )


def _spill_table(columns, rows, kept, matches, numbers, num_matches) -> pa.Table:
    is_kept = np.zeros(len(rows), dtype=bool)
    is_kept[kept] = True
    is_match_kept = is_kept[matches.text]
    offsets = np.zeros(len(kept) + 1, dtype=np.int32)
    np.cumsum(num_matches[kept], out=offsets[1:])
    index = pa.array(kept)
    terms = pa.array(numbers[matches.term[is_match_kept]].astype(np.int32))
    nested = pa.array(matches.is_nested[is_match_kept])
    return pa.table(
        {
            "row": pa.array(rows[kept]),
            "post_id": columns["post_id"].take(index).cast(pa.string()).fill_null(""),
            "source": columns["source"].take(index).cast(pa.string()).fill_null(""),
            "weight": columns["weight"].take(index).cast(pa.float32()).fill_null(1.0),
            "terms": pa.ListArray.from_arrays(pa.array(offsets), terms),
            "nested": pa.ListArray.from_arrays(pa.array(offsets), nested),
        }
    )


@daft.cls
class Annotator:
    """Annotates signals in a Daft worker and spills the result.

    Spill files get fresh names; only those the query reports back count, so that a batch that a lost worker wrote
    and another one repeated is read once.
    """

    def __init__(self, work: str, spill: str) -> None:
        pa.set_cpu_count(1)
        self._matcher, self._numbers = load_matcher(Path(work) / "terms.parquet")
        self._lookup = open_lookup(Path(work))
        self._spill = Path(spill)

    @daft.method.batch(return_dtype=daft.DataType.string(), batch_size=_SIGNALS_PER_BATCH)
    def annotate(self, image_id, post_id, source, text, weight):  # type: ignore[no-untyped-def]
        """A report (JSON) in the first row of each batch, null in the others."""
        names = ("image_id", "post_id", "source", "text", "weight")
        columns = {
            name: _combined(series.to_arrow())
            for name, series in zip(names, (image_id, post_id, source, text, weight), strict=True)
        }
        table, skipped = annotate(columns, self._matcher, self._numbers, self._lookup)
        report = {"num_signals": len(columns["text"]), "skipped": skipped, **self._write(table)}
        return pa.array([json.dumps(report), *[None] * (len(columns["text"]) - 1)], pa.string())

    def _write(self, table: pa.Table) -> dict[str, object]:
        """One record batch per shard."""
        name = f"{uuid.uuid4().hex}.arrow"
        shards = self._lookup.shard_of(table["row"].to_numpy())
        numbers, starts = np.unique(shards, return_index=True)
        ends = [*starts[1:], len(shards)]
        table = table.combine_chunks()
        with (
            pa.OSFile(str(self._spill / name), "wb") as stream,
            pa.ipc.new_file(stream, table.schema) as writer,
        ):
            for start, end in zip(starts, ends, strict=True):
                writer.write_batch(table.slice(start, end - start).to_batches()[0])
        return {"file": name, "shards": numbers.tolist()}


def _combined(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def read_spill(path: Path, position: int) -> pa.RecordBatch:
    """Record batch `position` of a spill file."""
    with pa.memory_map(str(path)) as stream:
        return pa.ipc.open_file(stream).get_batch(position)
