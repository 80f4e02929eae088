"""Which images are trained on, how often, and towards what."""

import functools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.corpus.corpus import Corpus
from vitrail.corpus.reader.assembly import Batch
from vitrail.corpus.reader.selection import shard_starts
from vitrail.corpus.reader.targets import TableTargets, Targets
from vitrail.errors import TrainingError

__all__ = [
    "EncodedSizes",
    "class_weights",
    "labelled_rows",
    "task_classes",
    "train_targets",
]

Rows = NDArray[np.int64]

_CACHED_SHARDS = 1024  # 80 kB each at 10,000 images a tar; the reader's groups of shards are smaller


class EncodedSizes:
    """How many bytes the images of a batch have in their tars."""

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self._corpora = corpora
        self._starts = [shard_starts(shard.num_images for shard in corpus.manifest.shards) for corpus in corpora]
        self._sizes = functools.lru_cache(maxsize=_CACHED_SHARDS)(self._read_sizes)

    def measure(self, batch: Batch) -> int:
        """Sum over the batch; an image that is there twice counts twice."""
        rows, owners = batch.rows.numpy(), batch.source.numpy()
        total = 0
        for owner in np.unique(owners).tolist():
            own = rows[owners == owner]
            shards = np.searchsorted(self._starts[owner], own, side="right") - 1
            for shard in np.unique(shards).tolist():
                local = own[shards == shard] - self._starts[owner][shard]
                total += int(self._sizes(owner, shard)[local].sum())
        return total

    def _read_sizes(self, owner: int, shard: int) -> NDArray[np.int64]:
        corpus = self._corpora[owner]
        return corpus.shard_index(corpus.manifest.shards[shard].name)["size"].to_numpy()


def labelled_rows(corpus: Corpus, rows: Rows, targets: Targets) -> Rows:
    """Those of `rows` that have a label.

    Raises:
        TrainingError: None has.
    """
    is_labelled = np.concatenate(
        [
            targets.has_label(
                shard.name,
                _column(corpus.shard_index(shard.name)["image_id"]),
                np.arange(shard.num_images),
            )
            for shard in corpus.manifest.shards
        ]
    )
    kept = rows[is_labelled[rows]]
    if not len(kept):
        raise TrainingError(f"no training image of {corpus.path} has a label for {targets.task!r}")
    return kept


def _column(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def task_classes(corpus: Corpus, task: str, rows: Rows) -> tuple[str, ...]:
    """Classes of a task: those the corpus lists, or for retrieval the labels among `rows`, sorted."""
    info = next(info for info in corpus.manifest.tasks if info.name == task)
    if info.classes:
        return info.classes
    labels = _labels_of(corpus, task, rows)
    return tuple(sorted(set(labels.drop_null().to_pylist())))


def train_targets(corpus: Corpus, task: str, rows: Rows, classes: Sequence[str]) -> TableTargets:
    """Targets of one task for `rows` only: labels of other splits stay out of reach."""
    labels = _labels_of(corpus, task, rows)
    image_ids = corpus.index()["image_id"].take(pa.array(rows))
    is_known = labels.is_valid()
    return TableTargets(task, image_ids.filter(is_known).to_pylist(), labels.filter(is_known).to_pylist(), classes)


def _labels_of(corpus: Corpus, task: str, rows: Rows) -> pa.Array:
    table = corpus.task_labels(task)
    image_ids = corpus.index()["image_id"].take(pa.array(rows))
    found = pc.index_in(image_ids, value_set=_column(table["image_id"]))
    return _column(table["label"].take(found))


def class_weights(corpus: Corpus, task: str, rows: Rows, power: float) -> NDArray[np.float64]:
    """Draws of each of `rows` (all labelled) by class frequency to minus `power`, 1 on average."""
    labels = _labels_of(corpus, task, rows).dictionary_encode()
    codes = labels.indices.to_numpy()
    frequency = np.bincount(codes)[codes]
    weights = frequency.astype(np.float64) ** -power
    return weights / weights.mean()
