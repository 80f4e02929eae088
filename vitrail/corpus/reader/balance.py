"""How often an image is due in an epoch, so that rare labels are seen: weights, never copies on disk."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from vitrail.config import require

if TYPE_CHECKING:  # every recipe names a balance, and these bring torch
    from vitrail.corpus.corpus import Corpus
    from vitrail.corpus.reader.selection import Selection
    from vitrail.corpus.reader.targets import SidecarTargets

__all__ = ["Balance", "balance_weights", "head_threshold", "replication"]

Balance = Literal["natural", "square_root", "uniform"]

_EXPONENTS: dict[Balance, float] = {"natural": 0.0, "square_root": 0.5, "uniform": 1.0}


def replication(frequencies: np.ndarray, threshold: float, balance: Balance) -> np.ndarray:
    """How often a label's images are due: max(1, (threshold / frequency) ** p), p = 0, 1/2 or 1 by balance.

    Mahajan et al. 2018, "Exploring the Limits of Weakly Supervised Pretraining", section 2.2.

    Args:
        frequencies: Share of the images that carry each label; a label without images is due once.
        threshold: The share from which a label is frequent enough.
        balance: The exponent by name.
    """
    require(0 < threshold <= 1, "threshold", threshold, "give a share of the images")
    ratio = np.divide(threshold, frequencies, out=np.ones(len(frequencies)), where=frequencies > 0)
    return np.maximum(1.0, ratio ** _EXPONENTS[balance])


def head_threshold(frequencies: np.ndarray) -> float:
    """Share of the images of the rarest label among those that together hold half of all (image, label) pairs."""
    ranked = np.sort(frequencies)[::-1]
    position = np.searchsorted(np.cumsum(ranked), ranked.sum() / 2)
    return float(ranked[min(position, len(ranked) - 1)]) if ranked.any() else 1.0


def balance_weights(
    corpus: "Corpus",
    targets: "SidecarTargets",
    balance: Balance,
    *,
    threshold: float | None = None,
    selection: "Selection",
) -> Iterator[np.ndarray]:
    """For `Source.sample_weights`: each image takes the largest replication of its labels, 1 without label.

    Frequencies are counted over the selection alone. Reads every sidecar twice; memory: that of a shard.

    Args:
        corpus: Whose images.
        targets: Their weak labels.
        balance: How far rare labels are lifted.
        threshold: See `replication`; None takes `head_threshold`.
        selection: Which of them.

    Yields:
        float32 [rows of the shard] for each shard in turn.

    Raises:
        LabelError: The label set was derived from another corpus.
    """
    targets.check(corpus.manifest)
    counts = np.zeros(len(targets.label_ids), dtype=np.int64)
    num_images = 0
    for lengths, outputs in _labels_of(corpus, targets, selection):
        counts += np.bincount(outputs, minlength=len(counts))
        num_images += len(lengths)
    frequencies = counts / max(num_images, 1)
    per_label = replication(frequencies, head_threshold(frequencies) if threshold is None else threshold, balance)
    for lengths, outputs in _labels_of(corpus, targets, selection):
        weights = np.ones(len(lengths), dtype=np.float32)
        np.maximum.at(weights, np.repeat(np.arange(len(lengths)), lengths), per_label[outputs])
        yield weights


def _labels_of(
    corpus: "Corpus", targets: "SidecarTargets", selection: "Selection"
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for number, shard in enumerate(corpus.manifest.shards):
        local = selection.rows_of(number) - selection.starts[number]
        if len(local):
            image_ids: pa.Array = corpus.index_columns(shard.name, "image_id")["image_id"].combine_chunks()
            yield targets.labels_of(shard.name, image_ids, local)
