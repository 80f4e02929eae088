"""Head, mid and tail: which labels are frequent, and how much of the label set is in the rare ones."""

import numpy as np

from vitrail.contracts.labels import BANDS
from vitrail.labels.arrays import to_offsets
from vitrail.labels.label_set.opened import LabelSet

__all__ = ["assign_bands", "tail_mass"]

_HEAD_SHARE, _MID_SHARE = (
    0.5,
    0.9,
)  # of all (image, label) pairs; the tail holds the last tenth


def assign_bands(frequency: np.ndarray) -> list[str]:
    """One of BANDS for each label: by cumulative share of all (image, label) pairs, the most frequent label first.

    Args:
        frequency: int64 [L] images of each label.
    """
    order = np.argsort(-frequency, kind="stable")
    before = to_offsets(frequency[order])[:-1] / max(int(frequency.sum()), 1)
    head, mid, tail = BANDS
    bands = np.empty(len(frequency), dtype=object)
    bands[order] = np.where(before < _HEAD_SHARE, head, np.where(before < _MID_SHARE, mid, tail))
    return bands.tolist()


def tail_mass(labels: LabelSet) -> float:
    """Share of (image, label) pairs whose label is in the tail band."""
    vocabulary = labels.vocabulary()
    frequency = vocabulary["frequency"].to_numpy()
    is_tail = np.array(vocabulary["band"].to_pylist()) == BANDS[-1]
    return float(frequency[is_tail].sum() / max(frequency.sum(), 1))
