"""Which terms name the same thing, by the images they share and, where it can judge, the encoder.

Terms are joined only when they share images: the cosine of their image sets must reach MIN_OVERLAP, that is,
on average over half of the images of either term carry the other. An encoder alone would join "light skin
tone" with "dark skin tone" and "left" with "right", which it finds alike but which nobody says of one
picture. Among the pairs that share images, those of a language the encoder was trained on must also be alike
to it ("astronaut" and "rocket" share their pictures). For other languages a monolingual encoder sees no more
than spelling; there a pair must be each other's closest term between the two languages, which is how
translations behave.

Rare labels on just the same images are one: nothing could tell them apart. What is still too rare joins its like
(`rare_labels.py`), once for each level.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from vitrail.labels.arrays import is_run_start, set_signatures
from vitrail.labels.clustering.methods import cluster_terms
from vitrail.labels.clustering.rare_labels import count_images, join_rare_labels, label_images
from vitrail.labels.config import LabelsConfig
from vitrail.labels.text.encoder import load_encoder

__all__ = ["MIN_OVERLAP", "cluster_closeness", "group_terms", "image_overlap", "join_translations", "translation_links"]

MIN_OVERLAP = 0.5
_BLOCK = 16_384  # terms whose overlaps are computed at once


def group_terms(
    names: Sequence[str], languages: Sequence[str], pairs: np.ndarray, vectors: np.ndarray, config: LabelsConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Groups terms into the labels of each level.

    The arms differ in how terms of the encoder's languages are grouped; the others join their translations.

    Args:
        names: T terms.
        languages: Of the terms.
        pairs: int64, term << 32 | image, distinct.
        vectors: float32 [T, D] unit vectors by shared images.
        config: Clustering arm and its threshold or number, and what is rare at which level.

    Returns:
        int64 [V, T] label numbers at V levels, distinct over all of them, -1 where the label is that of the finer
        level; and float32 [V, T] how close each term is to the others of its label.
    """
    if config.clustering == "none":
        return _number_levels([np.arange(len(names))], pairs), np.ones((1, len(names)), dtype=np.float32)
    overlap = image_overlap(pairs, len(names))
    is_encoded = np.array([language in config.encoder_languages for language in languages])
    sizes = (config.min_images, *config.coarser_levels)
    is_judged = is_encoded & _needs_meaning(pairs, overlap, is_encoded, config, sizes[-1])
    encoded = _encode(names, is_judged, config)
    labels = _cluster_encoded(is_encoded, encoded, overlap, vectors, config)
    codes = np.unique(languages, return_inverse=True)[1]
    labels = join_translations(labels, translation_links(overlap, codes), is_encoded)
    labels = join_inseparable(labels, pairs, sizes[-1])
    meanings = np.hstack([encoded, vectors])
    levels = []
    for min_images in sizes:
        labels = join_rare_labels(labels, pairs, meanings, min_images)
        levels.append(labels)
    closeness = np.stack([cluster_closeness(level, overlap) for level in levels])
    return _number_levels(levels, pairs), closeness


def _needs_meaning(
    pairs: np.ndarray, overlap: sparse.coo_matrix, is_encoded: np.ndarray, config: LabelsConfig, enough: int
) -> np.ndarray:
    """Bool [T]: terms that may join others; average linkage leaves alone what is frequent and shares no images."""
    if config.clustering != "agglomerative":
        return np.ones(len(is_encoded), dtype=bool)
    needed = np.bincount(pairs >> 32, minlength=len(is_encoded)) < enough
    needed[overlap.row[is_encoded[overlap.row] & is_encoded[overlap.col]]] = True
    return needed


def _encode(names: Sequence[str], is_judged: np.ndarray, config: LabelsConfig) -> np.ndarray:
    """float32 [T, D]: unit vectors of the judged terms, 0 for the others."""
    rows = np.flatnonzero(is_judged)
    if not len(rows):
        return np.zeros((len(names), 0), dtype=np.float32)
    vectors = load_encoder(config.encoder).encode([names[row] for row in rows.tolist()])
    encoded = np.zeros((len(names), vectors.shape[1]), dtype=np.float32)
    encoded[rows] = vectors
    return encoded


def join_inseparable(labels: np.ndarray, pairs: np.ndarray, enough: int) -> np.ndarray:
    """Joins labels that lie on just the same images, and on fewer than `enough`: on many, chance is no reason.

    Args:
        labels: int64 [T].
        pairs: int64, term << 32 | image, distinct.
        enough: Images from which a label is not rare.
    """
    images = label_images(labels, pairs)
    signature = set_signatures(images, int(labels.max(initial=-1)) + 1)
    counts = np.bincount(images >> 32, minlength=len(signature))
    is_kept = (counts == 0) | (counts >= enough)
    signature[is_kept] = np.flatnonzero(is_kept)
    return np.unique(signature[labels], return_inverse=True)[1]


def _number_levels(levels: Sequence[np.ndarray], pairs: np.ndarray) -> np.ndarray:
    """int64 [V, T]: numbers distinct over all levels, -1 where a label joins no more terms than the finer one.

    In a level the rarest comes first: of labels that an image has with equal scores, it says most.
    """
    result, total = np.empty((len(levels), len(levels[0])), dtype=np.int64), 0
    for level, labels in enumerate(levels):
        result[level] = _rank_by_rarity(labels, pairs) + total
        total += int(labels.max(initial=-1)) + 1
        if level:
            finer = levels[level - 1]
            is_same = np.bincount(finer)[finer] == np.bincount(labels)[labels]  # a coarser label joins whole finer ones
            result[level, is_same] = -1
    return result


def _rank_by_rarity(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """int64 [T]: labels numbered anew by how many images they have, those of equal numbers in their order."""
    num_images = count_images(labels, pairs)
    rank = np.empty(len(num_images), dtype=np.int64)
    rank[np.argsort(num_images, kind="stable")] = np.arange(len(num_images))
    return rank[labels]


def _cluster_encoded(
    is_encoded: np.ndarray, encoded: np.ndarray, overlap: sparse.coo_matrix, vectors: np.ndarray, config: LabelsConfig
) -> np.ndarray:
    """Clusters of the terms the encoder can judge; other terms stay alone.

    Average linkage joins only terms that share images. The other arms see all, and the images beside the words.
    """
    labels = np.arange(len(encoded))
    is_linkage = config.clustering == "agglomerative"
    is_pair = (overlap.row < overlap.col) & is_encoded[overlap.row] & is_encoded[overlap.col]
    linked = np.stack([overlap.row[is_pair], overlap.col[is_pair]], axis=1).astype(np.int64)
    rows = np.unique(linked) if is_linkage else np.flatnonzero(is_encoded)
    if not len(rows):
        return labels
    found = cluster_terms(
        config.clustering,
        encoded[rows] if is_linkage else np.hstack([encoded[rows], vectors[rows]]),
        np.searchsorted(rows, linked[np.lexsort(linked.T)]) if is_linkage else np.zeros((0, 2), dtype=np.int64),
        threshold=config.cluster_threshold,
        num_clusters=config.num_clusters,
    )
    labels[rows] = len(encoded) + found
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
