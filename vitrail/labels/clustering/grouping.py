"""Which terms name the same thing, by the images they share and, where it can judge, the encoder.

Terms are joined only when they share images: the cosine of their image sets must reach MIN_OVERLAP, that is,
on average over half of the images of either term carry the other. An encoder alone would join "light skin
tone" with "dark skin tone" and "left" with "right", which it finds alike but which nobody says of one
picture. Among the pairs that share images, those of a language the encoder was trained on must also be alike
to it ("astronaut" and "rocket" share their pictures). For other languages a monolingual encoder sees no more
than spelling; there a pair must be each other's closest term between the two languages, which is how
translations behave.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from vitrail.labels.arrays import is_run_start
from vitrail.labels.clustering.methods import cluster_terms
from vitrail.labels.config import LabelsConfig
from vitrail.labels.text.encoder import load_encoder

__all__ = ["MIN_OVERLAP", "cluster_closeness", "group_terms", "image_overlap", "join_translations", "translation_links"]

MIN_OVERLAP = 0.5
_BLOCK = 16_384  # terms whose overlaps are computed at once


def group_terms(
    names: Sequence[str], languages: Sequence[str], pairs: np.ndarray, vectors: np.ndarray, config: LabelsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Groups terms into labels.

    The arms differ in how terms of the encoder's languages are grouped; the others join their translations.

    Args:
        names: T terms.
        languages: Of the terms.
        pairs: int64, term << 32 | image, distinct.
        vectors: float32 [T, D] unit vectors by shared images.
        config: Clustering arm and its threshold or number.

    Returns:
        int64 [T] label numbers, and float32 [T] how close each term is to the others of its label.
    """
    if config.clustering == "none":
        return np.arange(len(names)), np.ones(len(names), dtype=np.float32)
    overlap = image_overlap(pairs, len(names))
    is_encoded = np.array([language in config.encoder_languages for language in languages])
    labels = _cluster_encoded(names, is_encoded, overlap, vectors, config)
    codes = np.unique(languages, return_inverse=True)[1]
    labels = join_translations(labels, translation_links(overlap, codes), is_encoded)
    return labels, cluster_closeness(labels, overlap)


def _cluster_encoded(
    names: Sequence[str],
    is_encoded: np.ndarray,
    overlap: sparse.coo_matrix,
    vectors: np.ndarray,
    config: LabelsConfig,
) -> np.ndarray:
    """Clusters of the terms the encoder can judge; other terms stay alone.

    Average linkage joins only terms that share images, so that only those are encoded. The other arms see all, and
    the images beside the words.
    """
    labels = np.arange(len(names))
    is_linkage = config.clustering == "agglomerative"
    is_pair = (overlap.row < overlap.col) & is_encoded[overlap.row] & is_encoded[overlap.col]
    linked = np.stack([overlap.row[is_pair], overlap.col[is_pair]], axis=1).astype(np.int64)
    rows = np.unique(linked) if is_linkage else np.flatnonzero(is_encoded)
    if not len(rows):
        return labels
    encoded = load_encoder(config.encoder).encode([names[row] for row in rows])
    found = cluster_terms(
        config.clustering,
        encoded if is_linkage else np.hstack([encoded, vectors[rows]]),
        np.searchsorted(rows, linked[np.lexsort(linked.T)]) if is_linkage else np.zeros((0, 2), dtype=np.int64),
        threshold=config.cluster_threshold,
        num_clusters=config.num_clusters,
    )
    labels[rows] = len(names) + found
    return np.unique(labels, return_inverse=True)[1]


def cluster_closeness(labels: np.ndarray, overlap: sparse.coo_matrix) -> np.ndarray:
    """Mean overlap of each term with the other terms of its label (below MIN_OVERLAP counts 0); 1 for one alone.

    Args:
        labels: int64 [T].
        overlap: From `image_overlap`.
    """
    is_inside = labels[overlap.row] == labels[overlap.col]
    total = np.bincount(overlap.row[is_inside], overlap.data[is_inside], minlength=len(labels))
    others = np.bincount(labels)[labels] - 1
    return np.divide(total, others, out=np.ones(len(labels)), where=others > 0).round(4).astype(np.float32)


def image_overlap(pairs: np.ndarray, num_terms: int) -> sparse.coo_matrix:
    """Cosine of the image sets of terms, where it reaches MIN_OVERLAP.

    Args:
        pairs: int64, term << 32 | image, distinct.
        num_terms: T.

    Returns:
        Sparse, symmetric [T, T] without diagonal.
    """
    term, image = pairs >> 32, pairs & 0xFFFFFFFF
    counts = np.maximum(np.bincount(term, minlength=num_terms), 1)
    ones = np.ones(len(pairs), dtype=np.int32)
    members = sparse.csr_matrix((ones, (term, image)), shape=(num_terms, int(image.max(initial=-1)) + 1))
    transposed = members.T.tocsr()
    parts = [_overlap_block(members, transposed, counts, start) for start in range(0, num_terms, _BLOCK)]
    row, column, cosine = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return sparse.coo_matrix((cosine, (row, column)), shape=(num_terms, num_terms))


def _overlap_block(
    members: sparse.csr_matrix, transposed: sparse.csr_matrix, counts: np.ndarray, start: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shared = (members[start : start + _BLOCK] @ transposed).tocoo()
    row, column = shared.row.astype(np.int64) + start, shared.col.astype(np.int64)
    cosine = (shared.data / np.sqrt(counts[row] * counts[column])).round(6)
    kept = (cosine >= MIN_OVERLAP) & (row != column)
    return row[kept], column[kept], cosine[kept]


def translation_links(overlap: sparse.coo_matrix, language: np.ndarray) -> list[tuple[int, int]]:
    """(i, j) with i < j for terms that are each other's best match between their languages, best pair first.

    Args:
        overlap: From `image_overlap`.
        language: int64 [T].
    """
    is_foreign = language[overlap.row] != language[overlap.col]
    row, column = overlap.row[is_foreign].astype(np.int64), overlap.col[is_foreign].astype(np.int64)
    value = overlap.data[is_foreign]
    order = np.lexsort((column, -value, language[column], row))
    row, column, value = row[order], column[order], value[order]
    key = row * (int(language.max(initial=0)) + 1) + language[column]
    is_best = is_run_start(key)
    chosen = zip(row[is_best].tolist(), column[is_best].tolist(), value[is_best].tolist(), strict=True)
    best = {(i, j): value for i, j, value in chosen}
    mutual = [(-value, i, j) for (i, j), value in best.items() if i < j and (j, i) in best]
    return [(i, j) for _, i, j in sorted(mutual)]


def join_translations(labels: np.ndarray, links: list[tuple[int, int]], is_encoded: np.ndarray) -> np.ndarray:
    """Adds terms of other languages to the clusters of their translations.

    A term joins one cluster: that of its translation into a language of the encoder when there is one.
    """
    labels = labels.copy()
    is_settled = is_encoded.copy()
    through_encoder = [(i, j) for i, j in links if is_encoded[i] != is_encoded[j]]
    among_others = [(i, j) for i, j in links if not is_encoded[i] and not is_encoded[j]]
    for i, j in [*through_encoder, *among_others]:
        if is_settled[i] and is_settled[j]:
            continue
        newcomer, host = (i, j) if is_settled[j] else (j, i)
        labels[newcomer] = labels[host]
        is_settled[newcomer] = is_settled[host] = True
    return np.unique(labels, return_inverse=True)[1]
