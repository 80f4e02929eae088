"""Balance of a long-tailed label set, as sampling weights of images and never as copies."""

from typing import Literal

import numpy as np
import pyarrow.compute as pc

from vitrail.labels.label_set import LabelSet

__all__ = ["Balance", "balance_weights"]

Balance = Literal["natural", "square_root", "uniform"]


def balance_weights(labels: LabelSet, balance: Balance, threshold: float | None = None) -> np.ndarray:
    """How often to draw each image, relative to once.

    Mahajan et al. 2018, section 2.2: a label of frequency f is replicated r = max(1, (t / f) ** p) times,
    with p = 1/2 (`square_root`) or 1 (`uniform`; `natural` is p = 0), and an image takes the largest r of
    its labels.

    Args:
        labels: An opened label set.
        balance: The exponent by name.
        threshold: t, a share of the images; None takes that of the rarest head label.

    Returns:
        float32 [N], images in the order of the corpus; 1 for images without label.
    """
    vocabulary = labels.vocabulary()
    num_images = max(labels.manifest.num_images, 1)
    frequency = np.maximum(vocabulary["frequency"].to_numpy(), 1) / num_images
    if threshold is None:
        is_head = np.array(vocabulary["band"].to_pylist()) == "head"
        threshold = float(frequency[is_head].min()) if is_head.any() else float(frequency.max(initial=0))
    exponent = {"natural": 0.0, "square_root": 0.5, "uniform": 1.0}[balance]
    replication = np.maximum(1, (threshold / frequency) ** exponent)
    parts = []
    for shard in labels.manifest.shards:
        lists = labels.sidecar(shard)["label_ids"].combine_chunks()
        output = pc.index_in(lists.flatten(), value_set=vocabulary["label_id"].combine_chunks()).to_numpy()
        owner = np.repeat(np.arange(len(lists)), lists.value_lengths().to_numpy(zero_copy_only=False))
        weights = np.ones(len(lists))
        np.maximum.at(weights, owner, replication[output])
        parts.append(weights)
    return np.concatenate(parts or [np.ones(0)]).astype(np.float32)
