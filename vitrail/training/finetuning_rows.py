"""Which images are trained on, how often, and towards what."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.contracts.corpus import TaskInfo
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.corpus.reader.targets import ListTargets, TableTargets, Targets
from vitrail.corpus.splits import is_labelled
from vitrail.errors import LabelError, TrainingError
from vitrail.tasks import find_kind

__all__ = [
    "class_weights",
    "finetuning_rows",
    "labelled_rows",
    "task_classes",
    "train_targets",
]

Rows = NDArray[np.int64]


def finetuning_rows(corpus: Corpus, labelled_share: float) -> Rows:
    """The training images of a share of the groups; the same rows for all tasks.

    Raises:
        TrainingError: There are none.
    """
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    if labelled_share == 1:
        return rows
    splits = corpus.splits().take(pa.array(rows))
    groups = pc.coalesce(splits["group"], splits["image_id"]).to_pylist()
    kept = rows[[is_labelled(group, labelled_share) for group in groups]]
    if not len(kept):
        raise TrainingError(f"labelled_share={labelled_share} of the groups of {corpus.path} has no image; raise it")
    return kept


def labelled_rows(corpus: Corpus, rows: Rows, targets: Targets) -> Rows:
    """Those of `rows` that have a label.

    Raises:
        TrainingError: None has.
    """
    is_labelled = np.concatenate(
        [
            targets.has_label(
                shard.name,
                _column(corpus.index_columns(shard.name, "image_id")["image_id"]),
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
    """Classes of a task: those the corpus lists, or where it lists none the labels among `rows`, sorted."""
    listed = _info(corpus, task).classes
    if listed:
        return listed
    table, _ = _labels_of(corpus, task, rows)
    return tuple(sorted(set(table["label"].to_pylist())))


def train_targets(corpus: Corpus, task: str, rows: Rows, classes: Sequence[str]) -> Targets:
    """Targets of one task for `rows` only: labels of other splits stay out of reach."""
    table, _ = _labels_of(corpus, task, rows)
    image_ids, labels = table["image_id"].to_pylist(), table["label"].to_pylist()
    if find_kind(_info(corpus, task).kind).targets == "one":
        return TableTargets(task, image_ids, labels, classes)
    outputs = {label: output for output, label in enumerate(classes)}
    found: dict[str, list[int]] = {}
    for image_id, label in zip(image_ids, labels, strict=True):
        if label not in outputs:
            raise LabelError(f"task {task}: image {image_id} has label {label!r}, which is not a class")
        found.setdefault(image_id, []).append(outputs[label])
    weighed = {image_id: (own, [1.0] * len(own)) for image_id, own in found.items()}
    return ListTargets(task, weighed)


def _info(corpus: Corpus, task: str) -> TaskInfo:
    return next(info for info in corpus.manifest.tasks if info.name == task)


def _labels_of(corpus: Corpus, task: str, rows: Rows) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows of a task's table that are about `rows`, and the place in `rows` that each is about."""
    table = corpus.task_labels(task)
    image_ids = corpus.image_ids().take(pa.array(rows))
    places = pc.index_in(_column(table["image_id"]), value_set=_column(image_ids))
    is_known = pc.and_(places.is_valid(), _column(table["label"]).is_valid())
    return table.filter(is_known), places.filter(is_known).to_numpy()


def class_weights(corpus: Corpus, task: str, rows: Rows, power: float) -> NDArray[np.float64]:
    """Draws of each of `rows` (all labelled) by class frequency to minus `power`, 1 on average.

    An image with several labels is drawn by the rarest of them.
    """
    table, places = _labels_of(corpus, task, rows)
    codes = _column(table["label"]).dictionary_encode().indices.to_numpy()
    frequency = np.full(len(rows), len(codes))
    np.minimum.at(frequency, places, np.bincount(codes)[codes])
    weights = frequency.astype(np.float64) ** -power
    return weights / weights.mean()
