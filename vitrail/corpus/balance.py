"""How often an image is due in an epoch, so that rare labels are seen: weights, never copies on disk."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from vitrail.config import require
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.targets import SidecarTargets

__all__ = ["replication", "replication_weights"]


def replication(frequencies: np.ndarray, threshold: float, max_replication: float = np.inf) -> np.ndarray:
    """How often a label's images are due: max(1, sqrt(threshold / frequency)), at most `max_replication`.

    Mahajan et al. 2018, "Exploring the Limits of Weakly Supervised Pretraining", section 2.2.

    Args:
        frequencies: Share of the images that carry each label, in (0, 1].
        threshold: The share from which a label is frequent enough.
        max_replication: Upper bound, against images that are seen so often that they are learnt by heart.
    """
    require(0 < threshold <= 1, "threshold", threshold, "give a share of the images")
    require(max_replication >= 1, "max_replication", max_replication, "give at least 1")
    with np.errstate(divide="ignore"):
        return np.clip(np.sqrt(threshold / frequencies), 1.0, max_replication)


def replication_weights(
    corpus: Corpus,
    targets: SidecarTargets,
    *,
    threshold: float,
    rows: np.ndarray | None = None,
    max_replication: float = np.inf,
) -> np.ndarray:
    """For `Source.sample_weights`: each image takes the largest replication of its labels, 1 without label.

    Frequencies are counted over `rows` alone. Reads every sidecar twice; memory: 4 bytes a row.

    Returns:
        float32 [rows].

    Raises:
        LabelError: The label set was derived from another corpus.
    """
    targets.check(corpus.manifest)
    counts = np.zeros(len(targets.label_ids), dtype=np.int64)
    num_images = 0
    for lengths, outputs in _labels_of_rows(corpus, targets, rows):
        counts += np.bincount(outputs, minlength=len(counts))
        num_images += len(lengths)
    per_label = replication(counts / max(num_images, 1), threshold, max_replication)
    weights = np.ones(num_images, dtype=np.float32)
    done = 0
    for lengths, outputs in _labels_of_rows(corpus, targets, rows):
        part = weights[done : done + len(lengths)]
        np.maximum.at(part, np.repeat(np.arange(len(lengths)), lengths), per_label[outputs])
        done += len(lengths)
    return weights


def _labels_of_rows(
    corpus: Corpus, targets: SidecarTargets, rows: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    start = 0
    for shard in corpus.manifest.shards:
        stop = start + shard.num_images
        own = np.arange(start, stop) if rows is None else rows[slice(*np.searchsorted(rows, [start, stop]))]
        if len(own):
            image_ids: pa.Array = corpus.shard_index(shard.name)["image_id"].combine_chunks()
            yield targets.labels_of(shard.name, image_ids, own - start)
        start = stop
