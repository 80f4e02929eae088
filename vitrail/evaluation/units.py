"""A split: which images are measured, which of them are not independent, and what is true of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.corpus import Corpus
from vitrail.errors import EvaluationError

__all__ = ["Units", "count_labels", "label_units", "mark_labels", "read_units"]


@dataclass(frozen=True, kw_only=True)
class Units:
    """N images of a split in corpus order.

    Attributes:
        image_ids: [N].
        groups: Images of one group are drawn together in a bootstrap [N].
        domains: [N]; empty strings where the corpus has one domain.
    """

    image_ids: NDArray[np.str_]
    groups: NDArray[np.str_]
    domains: NDArray[np.str_]


def read_units(corpus: Corpus, split: str = "test") -> Units:
    """The images of a split.

    Raises:
        EvaluationError: The split is empty.
    """
    table = corpus.splits()
    table = table.filter(pc.equal(table["split"], split))
    if not table.num_rows:
        raise EvaluationError(f"{corpus.path} has no image in split {split!r}; give splits.parquet a test split")
    columns = (table[name].fill_null("").to_pylist() for name in ("image_id", "group", "domain"))
    image_ids, groups, domains = (np.array(column, dtype=np.str_) for column in columns)
    return Units(image_ids=image_ids, groups=groups, domains=domains)


def label_units(corpus: Corpus, task: str, units: Units) -> NDArray[np.str_]:
    """The label of each unit in a task [N]; an empty string where it has none."""
    table = corpus.task_labels(task)
    labels = dict(zip(table["image_id"].to_pylist(), table["label"].to_pylist(), strict=True))
    return np.array([labels.get(image_id) or "" for image_id in units.image_ids.tolist()], dtype=np.str_)


def mark_labels(corpus: Corpus, task: str, classes: Sequence[str], units: Units) -> NDArray[np.bool_]:
    """Which of the classes each unit has, in a task where an image has several labels [N, K].

    Raises:
        EvaluationError: A label is none of the classes.
    """
    unit_of = {image_id: row for row, image_id in enumerate(units.image_ids.tolist())}
    output_of = {name: output for output, name in enumerate(classes)}
    marks = np.zeros((len(unit_of), len(output_of)), dtype=bool)
    table = corpus.task_labels(task)
    for image_id, label in zip(table["image_id"].to_pylist(), table["label"].to_pylist(), strict=True):
        if label not in output_of:
            raise EvaluationError(f"task {task!r}: label {label!r} is not one of its classes; rebuild the corpus")
        if image_id in unit_of:
            marks[unit_of[image_id], output_of[label]] = True
    return marks


def count_labels(corpus: Corpus, task: str, classes: Sequence[str], split: str) -> NDArray[np.int64]:
    """How many images of a split have each class, in a task where an image may have several [K]."""
    splits = corpus.splits()
    image_ids = splits.filter(pc.equal(splits["split"], split))["image_id"]
    table = corpus.task_labels(task)
    labels = table.filter(pc.is_in(table["image_id"], image_ids))["label"]
    counts = {item["values"]: item["counts"] for item in pc.value_counts(labels).to_pylist()}
    return np.array([counts.get(name, 0) for name in classes], dtype=np.int64)
