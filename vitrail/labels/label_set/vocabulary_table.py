"""The tables of a label set that say what its labels are: the vocabulary, and the terms that each label joins."""

import numpy as np
import pyarrow as pa

from vitrail.contracts.labels import MEMBERS_SCHEMA, VOCABULARY_SCHEMA
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import Terms
from vitrail.labels.label_set.diff import clusters_of
from vitrail.labels.label_set.label_ids import assign_ids
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.label_set.tail import assign_bands

__all__ = ["label_ids", "member_terms", "members_table", "vocabulary_table"]


def member_terms(terms: Terms, kept: np.ndarray, config: LabelsConfig) -> list[list[int]]:
    """Numbers of the terms of each kept cluster: languages of the encoder first, then the most frequent."""
    is_foreign = np.array([language not in config.encoder_languages for language in terms.language])
    order = np.lexsort((np.array(terms.term), -terms.num_images, is_foreign))
    members: dict[int, list[int]] = {}
    for term in order.tolist():
        members.setdefault(int(terms.label[term]), []).append(term)
    return [members[int(label)] for label in kept]


def label_ids(terms: Terms, groups: list[list[int]], previous: LabelSet | None) -> np.ndarray:
    """Ids of the labels: inherited from the previous label set where a label goes on, else new."""
    keys = list(zip(terms.term, terms.language, strict=True))
    clusters = [{keys[term]: int(terms.num_images[term]) for term in group} for group in groups]
    old_ids, old = clusters_of(previous) if previous else ([], [])
    names = [keys[group[0]] for group in groups]
    return np.array(assign_ids(names, clusters, old_ids, old), dtype=np.int64)


def vocabulary_table(
    terms: Terms, groups: list[list[int]], ids: np.ndarray, frequency: np.ndarray, num_images: int
) -> pa.Table:
    """VOCABULARY_SCHEMA rows; a label is called after the first of its terms.

    Args:
        terms: The term table.
        groups: From `member_terms`.
        ids: int64 [L].
        frequency: int64 [L] images that carry the label.
        num_images: Images of the corpus.
    """
    idf = np.log(max(num_images, 1) / np.maximum(frequency, 1))
    return pa.table(
        {
            "label_id": pa.array(ids, pa.int64()),
            "term": [terms.term[group[0]] for group in groups],
            "members": [list(dict.fromkeys(terms.term[term] for term in group)) for group in groups],
            "language": [terms.language[group[0]] for group in groups],
            "frequency": pa.array(frequency, pa.int64()),
            "idf": pa.array(idf.astype(np.float32)),
            "band": assign_bands(frequency),
        },
        schema=VOCABULARY_SCHEMA,
    )


def members_table(terms: Terms, groups: list[list[int]], ids: np.ndarray) -> pa.Table:
    """MEMBERS_SCHEMA rows of the labels with these ids."""
    rows = np.array([term for group in groups for term in group], dtype=np.int64)
    return pa.table(
        {
            "label_id": np.repeat(ids, [len(group) for group in groups]),
            "term": [terms.term[row] for row in rows],
            "language": [terms.language[row] for row in rows],
            "num_images": terms.num_images[rows],
            "closeness": terms.closeness[rows],
        },
        schema=MEMBERS_SCHEMA,
    )
