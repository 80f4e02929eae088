"""How rare the labels of a head are in all the corpora that it is trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from torch import Tensor

from vitrail.contracts.codec import read
from vitrail.contracts.labels import VOCABULARY_FILE, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.corpus.store.tables import read_table
from vitrail.tasks.label_weights import idf_weights

__all__ = ["label_idf"]


def label_idf(label_sets: Sequence[Path], label_ids: Sequence[int]) -> Tensor:
    """Weights [C] of labels by rarity; of one label set, those of its `idf` column.

    Several count as one: images and frequencies add up, and a label that one of them lacks is on none of its images.

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
    return idf_weights(frequency, num_images)
