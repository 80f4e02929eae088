"""Terms of different languages that name the same thing, found by the images they share.

A sentence encoder of one language says nothing about the others; the images do. Two terms of different languages
are taken for translations when each is the other's closest term in that language by the cosine of their image sets,
and the cosine is at least MIN_OVERLAP: on average over half of the images of either carry the other.
"""

import numpy as np
from scipy import sparse

__all__ = ["MIN_OVERLAP", "image_overlap", "translate_terms"]

MIN_OVERLAP = 0.5


def image_overlap(pairs: np.ndarray, num_terms: int) -> sparse.csr_matrix:
    """Cosine of the image sets of terms, for pairs that reach MIN_OVERLAP.

    Args:
        pairs: int64, term << 32 | image, distinct.
        num_terms: T.

    Returns:
        Sparse [T, T] without diagonal.
    """
    term, image = pairs >> 32, pairs & 0xFFFFFFFF
    counts = np.maximum(np.bincount(term, minlength=num_terms), 1)
    ones = np.ones(len(pairs), dtype=np.int32)
    members = sparse.csr_matrix((ones, (term, image)), shape=(num_terms, int(image.max(initial=-1)) + 1))
    shared = (members @ members.T).tocoo()
    cosine = shared.data / np.sqrt(counts[shared.row] * counts[shared.col])
    kept = (cosine >= MIN_OVERLAP) & (shared.row != shared.col)
    return sparse.csr_matrix((cosine[kept], (shared.row[kept], shared.col[kept])), shape=shared.shape)


def translate_terms(overlap: sparse.csr_matrix, language: np.ndarray) -> list[tuple[float, int, int]]:
    """(overlap, i, j) with i < j for mutual best matches between each two languages, best first.

    Args:
        overlap: Symmetric, sparse [T, T].
        language: int64 [T].
    """
    entries = overlap.tocoo()
    is_foreign = language[entries.row] != language[entries.col]
    row, column = entries.row[is_foreign].astype(np.int64), entries.col[is_foreign].astype(np.int64)
    value = np.round(entries.data[is_foreign], 6)
    order = np.lexsort((column, -value, language[column], row))  # best first per (term, language)
    row, column, value = row[order], column[order], value[order]
    key = row * (int(language.max(initial=0)) + 1) + language[column]
    is_best = np.concatenate([[True], key[1:] != key[:-1]]) if len(key) else np.zeros(0, dtype=bool)
    best = {(i, j): v for i, j, v in zip(row[is_best].tolist(), column[is_best].tolist(), value[is_best].tolist(), strict=True)}
    mutual = [(v, i, j) for (i, j), v in best.items() if i < j and (j, i) in best]
    return sorted(mutual, key=lambda pair: (-pair[0], pair[1], pair[2]))
