"""What a batch holds, counted by the process that makes it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitrail.corpus.reader.targets import WEIGHTS

__all__ = ["Tally"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts of one batch.

    Attributes:
        labelled: Images with a label, by task.
        labels: Their labels, by task.
        num_bytes: Encoded size of the images; one that is there twice counts twice.
    """

    labelled: dict[str, int]
    labels: dict[str, int]
    num_bytes: int

    @classmethod
    def of(cls, targets: Mapping[str, np.ndarray], num_bytes: int) -> "Tally":
        """Of targets as in `Batch.targets`, by name."""
        present = {name: values >= 0 for name, values in targets.items() if not name.endswith(WEIGHTS)}
        return cls(
            labelled={name: int(found.reshape(len(found), -1).any(axis=1).sum()) for name, found in present.items()},
            labels={name: int(found.sum()) for name, found in present.items()},
            num_bytes=num_bytes,
        )
