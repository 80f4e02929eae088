"""What splits and tasks need of every image, as numbers: 20 bytes an image, 8 a label, and each word once."""

from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrail.corpus.build.metadata.columns import Item

__all__ = ["NOTHING", "Codes", "ItemColumns", "LabelColumn"]

NOTHING = -1  # the code of no value


@dataclass
class Codes:
    """Values by number, in the order in which they were met first."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    codes: array = field(default_factory=lambda: array("i"))  # type: ignore[type-arg]

    def append(self, value: Hashable | None) -> None:
        """Adds the value of one more row."""
        self.codes.append(NOTHING if value is None else self.numbers.setdefault(value, len(self.numbers)))

    @property
    def values(self) -> list[Any]:
        """The values by code."""
        return list(self.numbers)

    def array(self) -> NDArray[np.int32]:
        """The code of each row."""
        return np.array(self.codes, dtype=np.int32)


@dataclass
class LabelColumn:
    """The labels of one task: which image, which label."""

    labels: Codes = field(default_factory=Codes)
    images: array = field(default_factory=lambda: array("i"))  # type: ignore[type-arg]

    def append(self, image: int, labels: Iterable[str]) -> None:
        """Adds the labels of an image."""
        for label in labels:
            self.images.append(image)
            self.labels.append(label)

    def counts(self) -> dict[str, int]:
        """How many images have each label; labels of none are left out."""
        counts = np.bincount(self.labels.array(), minlength=len(self.labels.numbers)).tolist()
        return {label: count for label, count in zip(self.labels.values, counts, strict=True) if count}


class ItemColumns:
    """Columns of the items that are appended, in their order.

    Attributes:
        group: As the user gave it.
        split: As the user gave it.
        domain: As the user gave it.
        first_label: Of the first task by name: groups are split within those of one label.
        observed_at: When labels were given.
        labels: By task that a label column makes.
        declared: By task that `tasks.json` declares.
    """

    def __init__(self) -> None:
        self.group, self.split, self.domain, self.first_label, self.observed_at = (Codes() for _ in range(5))
        self.labels: dict[str, LabelColumn] = defaultdict(LabelColumn)
        self.declared: dict[str, LabelColumn] = defaultdict(LabelColumn)

    def __len__(self) -> int:
        """How many items there are."""
        return len(self.split.codes)

    def append(self, item: Item) -> None:
        """Adds an item."""
        image = len(self)
        self.group.append(item.group)
        self.split.append(item.split)
        self.domain.append(item.domain)
        self.observed_at.append(item.observed_at)
        first = item.labels | {task: labels[0] for task, labels in item.declared.items() if labels}
        self.first_label.append(first[min(first)] if first else None)
        for task, label in item.labels.items():
            self.labels[task].append(image, (label,))
        for task, labels in item.declared.items():
            self.declared[task].append(image, labels)

    def keep(self, is_kept: NDArray[np.bool_]) -> None:
        """Leaves out items."""
        for codes in (self.group, self.split, self.domain, self.first_label, self.observed_at):
            codes.codes = array("i", codes.array()[is_kept].tobytes())
        places = np.cumsum(is_kept, dtype=np.int32) - 1
        for column in (*self.labels.values(), *self.declared.values()):
            images = np.array(column.images, dtype=np.int64)
            own = is_kept[images]
            column.images = array("i", places[images[own]].astype(np.int32).tobytes())
            column.labels.codes = array("i", column.labels.array()[own].tobytes())
