"""How frequent the labels of a head are in all the corpora that it is trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from torch import Tensor

from vitrail.contracts.codec import read
from vitrail.contracts.labels import VOCABULARY_FILE, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.corpus.store.tables import read_table
from vitrail.tasks.label_weights import idf_weights

__all__ = ["LabelFrequency", "count_labels"]


@dataclass(frozen=True, kw_only=True)
class LabelFrequency:
    """Counts over one label set, or over several as if they were one.

    Attributes:
        frequency_c: int64 [C], images with each label.
        num_images: Of all corpora; a label that one of them lacks is on none of its images.
    """

    frequency_c: NDArray[np.int64]
    num_images: int

    def idf(self) -> Tensor:
        """Weights [C] by rarity; of one label set, those of its `idf` column."""
        return idf_weights(self.frequency_c, self.num_images)

    def prior(self, weight_c: Tensor | None) -> Tensor:
        """Shares [C] of all targets, as if the labels of every image weighed as much: weight times frequency.

        Args:
            weight_c: Of each label in a target; None for equal ones.
        """
        mass_c = torch.from_numpy(self.frequency_c.clip(min=1)).float()
        mass_c = mass_c if weight_c is None else mass_c * weight_c
        return mass_c / mass_c.sum()


def count_labels(label_sets: Sequence[Path], label_ids: Sequence[int]) -> LabelFrequency:
    """How many images have each label.

    Args:
        label_sets: Of the corpora that are blended.
        label_ids: Of the head's outputs.
    """
    frequency = np.zeros(len(label_ids), dtype=np.int64)
    num_images = 0
    for labels in label_sets:
        vocabulary = read_table(labels / VOCABULARY_FILE, VOCABULARY_SCHEMA, "derive the labels again")
        outputs = pc.index_in(vocabulary["label_id"], value_set=pa.array(label_ids, pa.int64()))
        frequency[outputs.to_numpy()] += vocabulary["frequency"].to_numpy()
        num_images += read(LabelSetManifest, labels).num_images
    return LabelFrequency(frequency_c=frequency, num_images=num_images)
