"""First labels of pictures, and what was judged of them (benchmarks/judgements)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vitrail.labels import LabelSet
from vitrail.labels.scoring.judgements import read_judgements

__all__ = ["JUDGEMENTS", "Arm", "first_labels", "known_judgements", "marks"]

JUDGEMENTS = Path(__file__).parent / "judgements"
Arm = dict[str, str]  # image id: its first label


def first_labels(labels: LabelSet) -> Arm:
    term = {row["label_id"]: row["term"] for row in labels.vocabulary().select(["label_id", "term"]).to_pylist()}
    rows = (row for shard in labels.manifest.shards for row in labels.sidecar(shard).to_pylist())
    return {row["image_id"]: term[row["label_ids"][0]] for row in rows if row["label_ids"]}


def known_judgements(*names: str) -> dict[tuple[str, str], bool]:
    """Whether a term is right of a picture, by (image id, term), from the files of these names."""
    rows = (row for name in names for row in read_judgements(JUDGEMENTS / name).to_pylist())
    return {(row["image_id"], row["term"]): row["is_right"] for row in rows}


def marks(arm: Arm, sample: Sequence[str], judged: dict[tuple[str, str], bool]) -> Iterator[float]:
    """1 for a right first label, 0 for a wrong one, NaN where there is none or it is not judged."""
    for image_id in sample:
        yield judged.get((image_id, arm.get(image_id, "")), np.nan)
