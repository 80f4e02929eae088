"""What a pretraining draws from: worked out once, then mapped by all its processes and starts.

<work>/rows/<digest>.rows       a bit a row of the corpus, as in `Selection`
<work>/rows/<digest>.weights    float32, the weight of each selected row; only with a balance

The main process of a first start reads index, splits and, to skip images without label or to balance, every sidecar.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from vitrail.contracts.files import atomic_file, digest_json
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.corpus.reader.balance import balance_weights
from vitrail.corpus.reader.selection import Selection, shard_starts
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.errors import TrainingError
from vitrail.training.config import PretrainConfig

__all__ = ["pretraining_rows", "pretraining_weights"]


def pretraining_rows(corpus: Corpus, targets: SidecarTargets, config: PretrainConfig, folder: Path) -> Selection:
    """The images of the split "train" that are not copies of evaluation images, with a label if others are skipped.

    Raises:
        TrainingError: There are none.
        LabelError: The label set is not that of the corpus.
    """
    is_skipping = config.missing_labels == "skip"

    def work_out() -> Iterable[np.ndarray]:
        selection = train_rows(corpus, drop_evaluation_copies=True)
        if is_skipping:
            selection = _keep_labelled(selection, corpus, targets)
        return [selection.bits]

    path = folder / f"{_name(corpus, targets, is_skipping)}.rows"
    starts = shard_starts(shard.num_images for shard in corpus.manifest.shards)
    return Selection(starts, _map(path, np.uint8, work_out))


def pretraining_weights(
    corpus: Corpus, targets: SidecarTargets, config: PretrainConfig, selection: Selection, folder: Path
) -> np.ndarray | None:
    """How often each selected image is due in an epoch; None when each is due once.

    Raises:
        LabelError: The label set is not that of the corpus.
    """
    balance, threshold = config.balance, config.balance_threshold
    if balance == "natural":
        return None
    path = folder / f"{_name(corpus, targets, config.missing_labels == 'skip', balance, threshold)}.weights"
    weights = balance_weights(corpus, targets, balance, threshold=threshold, selection=selection)
    return _map(path, np.float32, lambda: weights)


def _name(corpus: Corpus, targets: SidecarTargets, *choices: Any) -> str:
    return digest_json([corpus.manifest.digest, targets.manifest.digest, *choices])[:16]


def _keep_labelled(selection: Selection, corpus: Corpus, targets: SidecarTargets) -> Selection:
    targets.check(corpus.manifest)
    names = [shard.name for shard in corpus.manifest.shards]

    def has_label(shard: int, rows: np.ndarray) -> np.ndarray:
        image_ids = corpus.index_columns(names[shard], "image_id")["image_id"].combine_chunks()
        return targets.has_label(names[shard], image_ids, rows)

    kept = selection.keep(has_label)
    if not len(kept):
        raise TrainingError(f"no training image of {corpus.path} has a label; derive other labels, or do not skip")
    return kept


def _map(path: Path, kind: type, work_out: Callable[[], Iterable[np.ndarray]]) -> np.ndarray:
    if not path.exists():
        # Written, not mapped: a full disk is an error then and not the end of the process.
        with atomic_file(path) as partial, partial.open("wb") as stream:
            for part in work_out():
                stream.write(np.ascontiguousarray(part, dtype=kind).data)
    return np.memmap(path, dtype=kind, mode="r")
