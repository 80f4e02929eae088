"""Spilled record batches: Arrow files that workers write, and others map into memory."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.files import read_json, write_json
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["SpilledSignals", "read_batch", "save_places", "write_batches"]


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Writes record batches as one Arrow file."""
    with pa.OSFile(str(path), "wb") as stream, pa.ipc.new_file(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_batch(path: Path, position: int) -> pa.RecordBatch:
    """Record batch `position` of such a file, memory-mapped."""
    with pa.memory_map(str(path)) as stream:
        return pa.ipc.open_file(stream).get_batch(position)


def save_places(work: WorkFolder, places: Mapping[int, list[tuple[str, int]]]) -> None:
    """Records where the signals of each shard lie: names of spill files, and positions in them."""
    write_json(work.places, places)


class SpilledSignals:
    """The annotated signals of a work folder, by shard."""

    def __init__(self, work: WorkFolder) -> None:
        self._work = work
        self._places = read_json(work.places)

    def of_shard(self, shard: int) -> pa.Table | None:
        """What `annotate` returned for the signals of a shard, in no order; None when it has none."""
        places = self._places.get(str(shard), [])
        batches = [read_batch(self._work.spill(name), position) for name, position in places]
        return pa.Table.from_batches(batches) if batches else None
