"""How well the labels of a set tell images apart: how many have one that few others have, and how many have none."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vitrail.contracts.labels import sidecar_file
from vitrail.errors import LabelError
from vitrail.labels.arrays import row_of_each
from vitrail.labels.label_set.opened import LabelSet

__all__ = ["Coverage", "measure_coverage"]

_SPECIFIC = 0.01  # of the images: a label on fewer says what is in the picture
_GENERIC = 0.05  # a label on so many or more says little about any
_RARITIES = (0.001, _SPECIFIC, _GENERIC)
_NUM_LABELS = (1, 2, 3, 5, 9, 17)  # where a range of numbers of labels begins


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What the images of a corpus have in labels; shares are of all images.

    Attributes:
        num_images: Of the corpus.
        images_by_num_labels: How many images have 0, 1, 2, ... labels.
        rarest_labels: Share of the images whose rarest label is on fewer than 0.1% of the images; on 0.1% to 1%; on 1%
            to 5%; on more.
        entropy_bits: Of the labels as shares of all (image, label) pairs.
    """

    num_images: int
    images_by_num_labels: tuple[int, ...]
    rarest_labels: tuple[float, ...]
    entropy_bits: float

    @property
    def specific(self) -> float:
        """Share whose rarest label is on fewer than 1% of the images; 0 where none can be (`can_be_specific`)."""
        return sum(self.rarest_labels[: 1 + _RARITIES.index(_SPECIFIC)])

    @property
    def can_be_specific(self) -> bool:
        """Whether a label can be on fewer than 1% of the images: it is on one at least."""
        return self.num_images * _SPECIFIC > 1

    @property
    def generic(self) -> float:
        """Share whose labels are all on 5% of the images or more."""
        return self.rarest_labels[-1]

    @property
    def unlabelled(self) -> float:
        """Share without a label."""
        return self.images_by_num_labels[0] / max(self.num_images, 1)

    @property
    def num_labelled(self) -> int:
        """Images with a label."""
        return sum(self.images_by_num_labels[1:])

    @property
    def rarest_by_name(self) -> dict[str, float]:
        """`rarest_labels` by what each is the share of."""
        limits = [f"{100 * limit:g}%" for limit in _RARITIES]
        inner = [f"{low} to {high}" for low, high in pairwise(limits)]
        return dict(zip([f"less than {limits[0]}", *inner, f"{limits[-1]} or more"], self.rarest_labels, strict=True))

    @property
    def num_labels_by_name(self) -> dict[str, float]:
        """Shares of the images that have no label, 1, 2, 3 to 4, ... labels."""
        ends = [min(end, len(self.images_by_num_labels)) for end in _NUM_LABELS]
        inside = [sum(self.images_by_num_labels[begin:end]) for begin, end in pairwise(ends)]
        counts = [self.images_by_num_labels[0], *inside, sum(self.images_by_num_labels[_NUM_LABELS[-1] :])]
        names = [str(begin) if begin == end - 1 else f"{begin} to {end - 1}" for begin, end in pairwise(_NUM_LABELS)]
        shares = [count / max(self.num_images, 1) for count in counts]
        return dict(zip(["none", *names, f"{_NUM_LABELS[-1]} or more"], shares, strict=True))

    @property
    def labels_per_image(self) -> float:
        """Mean over all images."""
        total = sum(number * images for number, images in enumerate(self.images_by_num_labels))
        return total / max(self.num_images, 1)

    @property
    def effective_labels(self) -> float:
        """How many labels, all equally frequent, have that entropy."""
        return 2.0**self.entropy_bits


def measure_coverage(labels: LabelSet) -> Coverage:
    """Reads the sidecars one by one; memory: a shard and the vocabulary.

    Raises:
        LabelError: A sidecar cannot be read, or has a label that is not in the vocabulary.
    """
    vocabulary = labels.vocabulary()
    frequency, label_ids = vocabulary["frequency"].to_numpy(), vocabulary["label_id"].combine_chunks()
    num_images = labels.manifest.num_images
    by_num_labels = np.zeros(1, dtype=np.int64)
    by_rarest = np.zeros(len(_RARITIES) + 1, dtype=np.int64)
    for shard in labels.manifest.shards:
        lists = labels.sidecar(shard)["label_ids"].combine_chunks()
        counts = lists.value_lengths().to_numpy()
        own = frequency[_places(lists, label_ids, labels, shard)]
        rarest = np.full(len(counts), np.iinfo(np.int64).max)
        np.minimum.at(rarest, row_of_each(counts), own)
        by_num_labels = _add(by_num_labels, np.bincount(counts))
        bands = np.searchsorted(np.array(_RARITIES) * num_images, rarest[counts > 0], side="right")
        by_rarest += np.bincount(bands, minlength=len(by_rarest))
    return Coverage(
        num_images=num_images,
        images_by_num_labels=tuple(by_num_labels.tolist()),
        rarest_labels=tuple((by_rarest / max(num_images, 1)).tolist()),
        entropy_bits=_entropy_bits(frequency),
    )


def _places(lists: pa.ListArray, label_ids: pa.Array, labels: LabelSet, shard: str) -> NDArray[np.int64]:
    places = pc.index_in(lists.flatten(), value_set=label_ids)
    if places.null_count:
        label = lists.flatten()[places.is_null().index(True).as_py()]
        raise LabelError(
            f"{labels.path / sidecar_file(shard)} has label {label}, which is not in vocabulary.parquet; "
            "derive the labels again"
        )
    return places.to_numpy()


def _add(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of counts of which one may go further than the other."""
    total = np.zeros(max(len(left), len(right)), dtype=np.int64)
    total[: len(left)] += left
    total[: len(right)] += right
    return total


def _entropy_bits(frequency: NDArray[np.int64]) -> float:
    shares = frequency[frequency > 0] / max(int(frequency.sum()), 1)
    return float(-(shares * np.log2(shares)).sum())
