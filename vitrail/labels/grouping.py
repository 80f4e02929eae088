"""Which terms name the same thing, by the images they share and, where it can judge, the encoder.

Terms are joined only when they share images: the cosine of their image sets must reach MIN_OVERLAP, that is,
on average over half of the images of either term carry the other. An encoder alone would join "light skin
tone" with "dark skin tone" and "left" with "right", which it finds alike but which nobody says of one
picture. Among the pairs that share images, those of a language the encoder was trained on must also be alike
to it ("astronaut" and "rocket" share their pictures). For other languages a monolingual encoder sees no more
than spelling; there a pair must be each other's closest term between the two languages, which is how
translations behave.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from vitrail.labels.clustering import merge_pairs

__all__ = ["MIN_OVERLAP", "group_synonyms", "image_overlap", "join_translations", "translation_links"]

MIN_OVERLAP = 0.5


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
    shared = (members @ members.T).tocoo()
    cosine = (shared.data / np.sqrt(counts[shared.row] * counts[shared.col])).round(6)
    kept = (cosine >= MIN_OVERLAP) & (shared.row != shared.col)
    return sparse.coo_matrix((cosine[kept], (shared.row[kept], shared.col[kept])), shape=shared.shape)


def group_synonyms(
    overlap: sparse.coo_matrix,
    names: Sequence[str],
    is_encoded: np.ndarray,
    encode: Callable[[Sequence[str]], np.ndarray],
    threshold: float,
) -> np.ndarray:
    """Clusters of terms that share images and are alike to the encoder; other terms stay alone.

    Args:
        overlap: From `image_overlap`.
        names: T terms.
        is_encoded: bool [T], whether the encoder knows the term's language.
        encode: The encoder; only terms that have a partner are encoded.
        threshold: Least average cosine similarity of a cluster.

    Returns:
        int64 [T] cluster numbers.
    """
    is_pair = (overlap.row < overlap.col) & is_encoded[overlap.row] & is_encoded[overlap.col]
    row, column = overlap.row[is_pair].astype(np.int64), overlap.col[is_pair].astype(np.int64)
    involved = np.unique(np.concatenate([row, column]))
    labels = np.arange(len(names))
    if len(involved):
        vectors = encode([names[index] for index in involved])
        pairs = np.stack([np.searchsorted(involved, row), np.searchsorted(involved, column)], axis=1)
        labels[involved] = involved[0] + len(names) + merge_pairs(vectors, pairs[np.lexsort(pairs.T)], threshold)
    return np.unique(labels, return_inverse=True)[1]


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
    is_best = np.concatenate([[True], key[1:] != key[:-1]]) if len(key) else np.zeros(0, dtype=bool)
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
