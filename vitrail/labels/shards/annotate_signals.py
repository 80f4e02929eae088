"""The annotate stage: all signals to term numbers, in a Daft query a wave, spilled by shard."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import daft
import pyarrow as pa
from daft import col

from vitrail.contracts.files import read_json, write_json
from vitrail.labels.arrays import run_lengths, run_starts
from vitrail.labels.shards.annotation import SIGNAL_COLUMNS, annotate
from vitrail.labels.shards.engine import prepare_worker
from vitrail.labels.shards.image_rows import open_lookup
from vitrail.labels.shards.signal_files import SignalFiles
from vitrail.labels.shards.spill import save_places, write_batches
from vitrail.labels.shards.work_folder import WorkFolder
from vitrail.labels.text.shared_texts import load_shared_texts
from vitrail.labels.text.surfaces import load_surfaces

__all__ = ["AnnotationCounts", "annotate_signals"]

_SIGNALS_PER_BATCH = 65_536


@dataclass(frozen=True, kw_only=True)
class AnnotationCounts:
    """Signals that were read, and those that were skipped, or cut, by reason."""

    num_signals: int
    skipped: dict[str, int]


def annotate_signals(signals: SignalFiles, work: WorkFolder) -> AnnotationCounts:
    """Annotates the waves of signal files that have no record yet; returns counts over all.

    Raises:
        LabelError: Signals were lost on the way.
    """
    places: dict[int, list[tuple[str, int]]] = {}
    skipped: Counter[str] = Counter()
    num_signals = 0
    for number, wave in enumerate(signals.waves()):
        if not work.wave(number).exists():
            write_json(work.wave(number), _annotate_wave(wave, work))
        for report in read_json(work.wave(number)):
            num_signals += report["num_signals"]
            skipped.update(report["skipped"])
            for position, shard in enumerate(report["shards"]):
                places.setdefault(shard, []).append((report["file"], position))
    save_places(work, places)
    return AnnotationCounts(num_signals=num_signals, skipped=dict(sorted(skipped.items())))


def _annotate_wave(wave: SignalFiles, work: WorkFolder) -> list[dict[str, Any]]:
    annotator = Annotator(str(work.path))
    report = annotator.annotate(*(col(name) for name in SIGNAL_COLUMNS)).alias("report")
    frame = wave.select(*SIGNAL_COLUMNS).select(report)
    reports = frame.where(col("report").not_null()).to_pydict()["report"]
    found = [json.loads(report) for report in reports]
    wave.require_all(sum(report["num_signals"] for report in found))
    return found


@daft.cls
class Annotator:
    """Annotates signals in a Daft worker and spills the result, one record batch per shard.

    Spill files get fresh names; only those the query reports back count, so that a batch that a lost worker
    wrote and another one repeated is read once.

    Args:
        work: Work folder with the lookup, the surface forms and the shared texts.
    """

    def __init__(self, work: str) -> None:
        prepare_worker()
        self._work = WorkFolder(Path(work))
        self._surfaces = load_surfaces(self._work.surfaces)
        self._shared_texts = load_shared_texts(self._work.shared_texts)
        self._lookup = open_lookup(self._work)

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
        arrays = (_as_array(series.to_arrow()) for series in (image_id, post_id, source, text, weight, language))
        columns = dict(zip(SIGNAL_COLUMNS, arrays, strict=True))
        table, skipped = annotate(columns, self._surfaces, self._shared_texts, self._lookup)
        name, shards = self._write(table)
        report = {"num_signals": len(text), "skipped": skipped, "file": name, "shards": shards}
        return pa.array([json.dumps(report), *[None] * (len(text) - 1)], pa.string())

    def _write(self, table: pa.Table) -> tuple[str, list[int]]:
        """Spills signals ordered by row; returns the file's name and the shards of its record batches."""
        name = f"{uuid.uuid4().hex}.arrow"
        shards = self._lookup.shard_of(table["row"].to_numpy())
        starts = run_starts(shards)
        batches = table.combine_chunks().to_batches()  # one, or none
        bounds = zip(starts.tolist(), run_lengths(starts, len(shards)).tolist(), strict=True)
        slices = (batches[0].slice(start, length) for start, length in bounds)
        write_batches(self._work.spill(name), table.schema, slices)
        return name, shards[starts].tolist()


def _as_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
