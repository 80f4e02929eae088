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

__all__ = ["label_ids", "level_of_each", "member_terms", "members_table", "vocabulary_table"]

_NAMES = 3


def member_terms(terms: Terms, kept: np.ndarray, config: LabelsConfig) -> list[list[int]]:
    """Numbers of the terms of each kept cluster: languages of the encoder first, then the most frequent."""
    is_foreign = np.array([language not in config.encoder_languages for language in terms.language])
    order = np.lexsort((np.array(terms.term), -terms.num_images, is_foreign))
    members: dict[int, list[int]] = {}
    for labels in terms.label:
        for term in order[labels[order] >= 0].tolist():
            members.setdefault(int(labels[term]), []).append(term)
    return [members[int(label)] for label in kept]


def level_of_each(terms: Terms, kept: np.ndarray) -> np.ndarray:
    """int64 [L]: level of each kept cluster, 0 for the finest; they are numbered level by level."""
    return np.searchsorted(np.maximum.accumulate(terms.label.max(axis=1)), kept)


def label_ids(terms: Terms, groups: list[list[int]], levels: np.ndarray, previous: LabelSet | None) -> np.ndarray:
    """Ids of the labels: inherited from the previous label set where a label goes on, else new."""
    clusters = [
        {(terms.term[term], terms.language[term], level): int(terms.num_images[term]) for term in group}
        for group, level in zip(groups, levels.tolist(), strict=True)
    ]
    old_ids, old = clusters_of(previous) if previous else ([], [])
    names = [next(iter(cluster)) for cluster in clusters]
    return np.array(assign_ids(names, clusters, old_ids, old), dtype=np.int64)


def _name(terms: Terms, group: list[int], level: int) -> str:
    """The first of its terms; a label that joins things of several meanings shows three."""
    names = dict.fromkeys(terms.term[term] for term in group)
    return ", ".join(list(names)[: _NAMES if level else 1])


def vocabulary_table(
    terms: Terms, groups: list[list[int]], levels: np.ndarray, ids: np.ndarray, frequency: np.ndarray, num_images: int
) -> pa.Table:
    """VOCABULARY_SCHEMA rows.

    Args:
        terms: The term table.
        groups: From `member_terms`.
        levels: int64 [L].
        ids: int64 [L].
        frequency: int64 [L] images that carry the label.
        num_images: Images of the corpus.
    """
    idf = np.log(max(num_images, 1) / np.maximum(frequency, 1))
    return pa.table(
        {
            "label_id": pa.array(ids, pa.int64()),
            "term": [_name(terms, group, level) for group, level in zip(groups, levels.tolist(), strict=True)],
            "members": [list(dict.fromkeys(terms.term[term] for term in group)) for group in groups],
            "language": [terms.language[group[0]] for group in groups],
            "frequency": pa.array(frequency, pa.int64()),
            "idf": pa.array(idf.astype(np.float32)),
            "band": assign_bands(frequency),
            "level": pa.array(levels, pa.int8()),
        },
        schema=VOCABULARY_SCHEMA,
    )


def members_table(terms: Terms, groups: list[list[int]], levels: np.ndarray, ids: np.ndarray) -> pa.Table:
    """MEMBERS_SCHEMA rows of the labels with these ids."""
    rows = np.array([term for group in groups for term in group], dtype=np.int64)
    sizes = [len(group) for group in groups]
    level = np.repeat(levels, sizes)
    return pa.table(
        {
            "label_id": np.repeat(ids, sizes),
            "term": [terms.term[row] for row in rows],
            "language": [terms.language[row] for row in rows],
            "num_images": terms.num_images[rows],
            "closeness": terms.closeness[level, rows],
            "level": pa.array(level, pa.int8()),
        },
        schema=MEMBERS_SCHEMA,
    )
