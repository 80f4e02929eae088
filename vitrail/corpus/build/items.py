"""From items (an image with its metadata) to the signals and tasks of a corpus."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from vitrail.contracts.corpus import SIGNALS_SCHEMA, TASK_SCHEMA, TaskInfo
from vitrail.corpus.build.item_columns import ItemColumns, LabelColumn
from vitrail.corpus.build.metadata.columns import Item
from vitrail.corpus.build.metadata.task_columns import match_task
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.corpus.build.writer import TaskTable
from vitrail.corpus.store.tables import table_of

__all__ = ["signals_of", "tasks_of"]

_LOGGER = logging.getLogger(__name__)
_MIN_CLASS_IMAGES = 2
_NUM_SHOWN = 3


def signals_of(items: Mapping[str, Item]) -> pa.Table:
    """One row per text; the texts of an item are one post."""
    rows = [
        {
            "post_id": image_id,
            "image_id": image_id,
            "source": source,
            "text": text,
            "weight": item.weight,
            "language": item.language,
            "observed_at": item.observed_at,
        }
        for image_id, item in items.items()
        for source, text in item.texts
    ]
    return table_of(rows, SIGNALS_SCHEMA)


def tasks_of(image_ids: pa.ChunkedArray, columns: ItemColumns, declared: TaskDeclarations) -> list[TaskTable]:
    """A classification and a retrieval task (`<name>_match`) per label column, rare labels left out; then the declared.

    Args:
        image_ids: Of the items.
        columns: What the items say.
        declared: What `tasks.json` declares.

    Raises:
        CorpusError: A declared task has too few labels.
    """
    tasks = [
        (info, columns.labels[name], kept) for name in sorted(columns.labels) for info, kept in _infos(name, columns)
    ]
    counts = {task: column.counts() for task, column in columns.declared.items()}
    tasks += [(info, columns.declared[info.name], kept) for info, kept in declared.infos(counts)]
    return [TaskTable(info=info, labels=_table(column, kept, image_ids, columns)) for info, column, kept in tasks]


def _table(
    column: LabelColumn, kept: Collection[str], image_ids: pa.ChunkedArray, columns: ItemColumns
) -> pa.Table:  # fmt: skip
    codes = column.labels.array()
    own = np.isin(codes, [column.labels.numbers[label] for label in kept if label in column.labels.numbers])
    images = np.array(column.images, dtype=np.int64)[own]
    times = pa.array(columns.observed_at.values, TASK_SCHEMA.field("observed_at").type)
    values = pa.array(column.labels.values, pa.string())
    return pa.Table.from_arrays(
        [
            image_ids.take(pa.array(images)),
            values.take(pa.array(codes[own])),
            times.take(pa.array(columns.observed_at.array()[images])),
        ],
        schema=TASK_SCHEMA,
    )


def _describe(classes: Sequence[str], rare: Sequence[str]) -> str:
    parts = ((classes, "on several images"), (rare, "on one image each"))
    return " and ".join(f"{_listed(labels)} {where}" for labels, where in parts if labels)


def _listed(labels: Sequence[str]) -> str:
    more = ", ..." if len(labels) > _NUM_SHOWN else ""
    noun = "label" if len(labels) == 1 else "labels"
    return f"{len(labels):,} {noun} ({', '.join(f'{label!r:.80}' for label in labels[:_NUM_SHOWN])}{more})"


def _infos(name: str, columns: ItemColumns) -> Iterator[tuple[TaskInfo, tuple[str, ...]]]:
    """The tasks of a label column, each with the labels that it keeps."""
    counts = columns.labels[name].counts()
    classes = tuple(sorted(label for label, count in counts.items() if count >= _MIN_CLASS_IMAGES))
    rare = sorted(label for label, count in counts.items() if count < _MIN_CLASS_IMAGES)
    if len(classes) < 2:
        if counts:
            _LOGGER.warning(
                "column %r gives no task, which takes two classes: it has %s", name, _describe(classes, rare)
            )
        return
    if rare:
        _LOGGER.warning("column %r: labels of one image only are left out: it has %s", name, _describe(classes, rare))
    yield TaskInfo(name=name, kind="classification", description=f"The column {name!r}", classes=classes), classes
    yield TaskInfo(name=match_task(name), kind="retrieval", description=f"Images with the same {name!r}"), classes
