"""The vocabulary table: labels with their members, frequencies and bands."""

import numpy as np
import pyarrow as pa

from vitrail.contracts.labels import VOCABULARY_SCHEMA
from vitrail.labels.config import LabelsConfig
from vitrail.labels.terms import Terms

__all__ = ["assign_bands", "fresh_ids", "vocabulary_table"]

_HEAD_SHARE, _MID_SHARE = (
    0.5,
    0.9,
)  # of all (image, label) pairs: the head holds the first half, the tail the last tenth


def fresh_ids(terms: Terms, kept: np.ndarray) -> np.ndarray:
    """Ids for a first derivation: 1, 2, ..."""
    return np.arange(1, len(kept) + 1)


def vocabulary_table(
    terms: Terms,
    kept: np.ndarray,
    label_ids: np.ndarray,
    frequency: np.ndarray,
    num_images: int,
    config: LabelsConfig,
) -> pa.Table:
    """VOCABULARY_SCHEMA rows of the kept labels.

    A label is called after its most frequent term in a language of the encoder, if it has one.

    Args:
        terms: The term table.
        kept: int64 [L] cluster numbers.
        label_ids: int64 [L].
        frequency: int64 [L] images that carry the label.
        num_images: Images of the corpus.
        config: For the encoder's languages.
    """
    is_foreign = np.array([language not in config.encoder_languages for language in terms.language])
    order = np.lexsort((np.array(terms.term), -terms.num_images, is_foreign))
    members: dict[int, list[int]] = {}
    for term in order.tolist():
        members.setdefault(int(terms.label[term]), []).append(term)
    groups = [members[int(label)] for label in kept]
    idf = np.log(max(num_images, 1) / np.maximum(frequency, 1))
    return pa.table(
        {
            "label_id": pa.array(label_ids, pa.int64()),
            "term": [terms.term[group[0]] for group in groups],
            "members": [[terms.term[term] for term in group] for group in groups],
            "language": [terms.language[group[0]] for group in groups],
            "frequency": pa.array(frequency, pa.int64()),
            "idf": pa.array(idf.astype(np.float32)),
            "band": assign_bands(frequency),
        },
        schema=VOCABULARY_SCHEMA,
    )


def assign_bands(frequency: np.ndarray) -> list[str]:
    """head, mid or tail by cumulative share of all (image, label) pairs, the most frequent label first."""
    order = np.argsort(-frequency, kind="stable")
    before = np.concatenate([[0], np.cumsum(frequency[order])[:-1]]) / max(int(frequency.sum()), 1)
    bands = np.empty(len(frequency), dtype=object)
    bands[order] = np.where(before < _HEAD_SHARE, "head", np.where(before < _MID_SHARE, "mid", "tail"))
    return bands.tolist()
