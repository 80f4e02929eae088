"""Which classes of a task can be learned and measured: those with images in train, and in test."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.contracts.corpus import TaskInfo

__all__ = ["ClassCoverage", "cover_classes"]

_NUM_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class ClassCoverage:
    """The classes of one classification task, by what they lack.

    Attributes:
        task: The name of the task.
        num_classes: How many classes it has.
        unlearned: Classes without an image in train; a model never answers with them.
        untested: Classes without an image in test; nothing is measured of them.
    """

    task: str
    num_classes: int
    unlearned: tuple[str, ...]
    untested: tuple[str, ...]

    def warnings(self) -> list[str]:
        """What a user should know, a sentence each; empty when every class is in train and in test."""
        found = []
        if self.num_classes < 2:
            found.append(f"task {self.task!r} has one class only, so every answer is right: there is nothing to learn")
        if self.unlearned:
            found.append(self._sentence(self.unlearned, "train, so a model never answers with them"))
        if self.untested:
            found.append(self._sentence(self.untested, "test, so nothing is measured of them"))
        return found

    def _sentence(self, classes: Sequence[str], rest: str) -> str:
        more = ", ..." if len(classes) > _NUM_SHOWN else ""
        shown = ", ".join(f"{name!r:.80}" for name in classes[:_NUM_SHOWN]) + more
        return f"task {self.task!r}: {len(classes)} of {self.num_classes} classes ({shown}) have no image in {rest}"


def cover_classes(task: TaskInfo, labels: pa.Table, splits: pa.Table) -> ClassCoverage:
    """Looks up the splits of a task's labels.

    Args:
        task: A classification task.
        labels: Its labels (TASK_SCHEMA).
        splits: The splits of all images (SPLITS_SCHEMA).
    """
    positions = pc.index_in(labels["image_id"], value_set=splits["image_id"].combine_chunks())
    split = splits["split"].take(positions)

    def lacking(name: str) -> tuple[str, ...]:
        found = set(pc.unique(labels["label"].filter(pc.equal(split, name))).to_pylist())
        return tuple(label for label in task.classes if label not in found)

    return ClassCoverage(
        task=task.name, num_classes=len(task.classes), unlearned=lacking("train"), untested=lacking("test")
    )
