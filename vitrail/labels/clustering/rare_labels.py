"""Rare labels joined until each has enough images: the long tail counts, in clusters, instead of being dropped.

Labels that enough images carry stay what they are. The others are merged with their nearest, by meaning and by shared
images, in rounds: the closest pairs first, each label once a round, so that clusters grow alike and none swallows the
rest. What was joined stays in the pool, so that a late comer finds the cluster it belongs to.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from scipy import sparse

from vitrail.labels.arrays import sort_keys, to_offsets
from vitrail.labels.clustering.nearest_neighbours import NeighbourGraph, find_neighbours

__all__ = ["count_images", "join_rare_labels", "label_images"]

_NEIGHBOURS = 10
_CHUNK = 65_536  # terms, labels or pairs at once


def join_rare_labels(labels: np.ndarray, pairs: np.ndarray, vectors: np.ndarray, min_images: int) -> np.ndarray:
    """Joins labels on fewer than `min_images` images with others of that kind.

    Args:
        labels: int64 [T], the label of each term.
        pairs: int64, term << 32 | image, distinct.
        vectors: float32 [T, D] of terms; near when they mean the same.
        min_images: Images that a label must have.

    Returns:
        int64 [T] label numbers; at most one label is smaller, when all rare ones together are.
    """
    labels = np.unique(labels, return_inverse=True)[1]
    is_rare_label = count_images(labels, pairs) < min_images
    pool = np.flatnonzero(is_rare_label)  # numbers of the rare labels and what they become
    pairs = pairs[is_rare_label[labels[pairs >> 32]]]  # those of frequent labels, most of them, are not counted again
    is_rare = np.ones(len(pool), dtype=bool)
    while len(pool) > 1 and is_rare.any():
        centres = _centres(labels, vectors, pool)
        near = _near_pairs(find_neighbours(centres, _NEIGHBOURS), is_rare)
        target = _match(itertools.chain(_equal_pairs(centres, is_rare), near), is_rare)
        renumber = np.arange(int(labels.max()) + 1)
        renumber[pool] = pool[target]
        labels = renumber[labels]
        pool = np.unique(pool[target])
        is_rare = count_images(labels, pairs)[pool] < min_images
    return np.unique(labels, return_inverse=True)[1]


def label_images(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """int64, label << 32 | image, distinct and ascending: the images of each label's terms (term << 32 | image)."""
    return np.unique(labels[pairs >> 32] << 32 | (pairs & 0xFFFFFFFF))


def count_images(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """int64: images of each label, of terms on images (term << 32 | image)."""
    return np.bincount(label_images(labels, pairs) >> 32, minlength=int(labels.max(initial=-1)) + 1)


def _centres(labels: np.ndarray, vectors: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """float32 [P, D]: the mean direction of the terms of each label of the pool.

    Sums are of 64 bits, a block of labels at a time: those of all would take several times what the vectors take.
    """
    place = np.full(int(labels.max()) + 1, -1)
    place[pool] = np.arange(len(pool))
    inside = np.flatnonzero(place[labels] >= 0)
    order, label = sort_keys(place[labels[inside]])
    terms, offsets = inside[order], to_offsets(np.bincount(label, minlength=len(pool)))
    centres = np.empty((len(pool), vectors.shape[1]), dtype=np.float32)
    block = max(_CHUNK * len(pool) // len(terms), 1)
    for start in range(0, len(pool), block):
        rows = offsets[start : start + block + 1]
        some = vectors[terms[rows[0] : rows[-1]]].astype(np.float64)
        members = sparse.csr_matrix((np.ones(len(some)), np.arange(len(some)), rows - rows[0]))
        total = members @ some
        norm = np.linalg.norm(total, axis=1, keepdims=True)
        centres[start : start + block] = np.divide(total, norm, out=np.zeros_like(total), where=norm > 0)
    return centres


def _near_pairs(graph: NeighbourGraph, is_rare: np.ndarray) -> Iterator[tuple[int, int]]:
    """Neighbours of which one at least is rare, the closest first."""
    wanted = np.flatnonzero(is_rare[graph.i] | is_rare[graph.j])
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        yield from zip(graph.i[part].tolist(), graph.j[part].tolist(), strict=True)


def _equal_pairs(centres: np.ndarray, is_rare: np.ndarray) -> list[tuple[int, int]]:
    """Each rare label of the pool and the next one with the very same centre.

    Terms that no encoder judges and that share no images have none. All of them are equally near, and neighbours would
    be the same few for each: one pair a round, and in the end one label.
    """
    rare = np.flatnonzero(is_rare)
    weights = np.random.default_rng(0).integers(0, 2**63, centres.shape[1], dtype=np.uint64)
    number = np.zeros(len(rare), dtype=np.uint64)
    for start in range(0, len(rare), _CHUNK):
        part = slice(start, start + _CHUNK)
        bits = (centres[rare[part]] + 0.0).view(np.uint32)  # -0 and 0 are one number and two patterns
        number[part] = (bits * weights).sum(axis=1)
    order = np.argsort(number, kind="stable")
    is_equal = number[order[1:]] == number[order[:-1]]
    return list(zip(rare[order[:-1][is_equal]].tolist(), rare[order[1:][is_equal]].tolist(), strict=True))


def _match(pairs: Iterable[tuple[int, int]], is_rare: np.ndarray) -> np.ndarray:
    """int64 [P]: itself, or for one of each matched pair the other; of a pair one at least is rare."""
    target = list(range(len(is_rare)))
    rare, is_free = is_rare.tolist(), [True] * len(is_rare)
    for i, j in pairs:
        if is_free[i] and is_free[j] and (rare[i] or rare[j]):
            target[j] = i
            is_free[i] = is_free[j] = False
    return np.array(target)
