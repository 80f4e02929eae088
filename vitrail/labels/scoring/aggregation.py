"""From the annotations of posts to the labels of the images they share.

All sums are over integers, so the result does not depend on the order or the partitioning of the signals.
"""

from dataclasses import dataclass

import numpy as np

from vitrail.labels.arrays import places_in_runs, run_lengths, sort_groups
from vitrail.labels.config import Aggregation
from vitrail.labels.scoring.evidence import ONE, combine, to_evidence

__all__ = ["ImageLabels", "add_coarser_labels", "aggregate_posts", "best_labels", "labels_of_terms"]


@dataclass(frozen=True, kw_only=True)
class ImageLabels:
    """P scored (row, label) pairs, by row, then best label first."""

    row: np.ndarray  # int64 [P]
    label: np.ndarray  # int64 [P]
    score: np.ndarray  # int64 [P] in 0..ONE

    def select(self, mask: np.ndarray) -> "ImageLabels":
        """The pairs where `mask` holds."""
        return ImageLabels(row=self.row[mask], label=self.label[mask], score=self.score[mask])


def labels_of_terms(labels: np.ndarray, term: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions in `term` (int64 [E], ascending) and the labels (int64 [E]) that the term there counts in.

    Args:
        labels: int64 [V, T] label of each term at each level; -1 where it is that of the finer one.
        term: int64 [A].
    """
    if len(labels) == 1:
        return np.arange(len(term)), labels[0, term]
    of_levels = labels.T[term]
    position, level = np.nonzero(of_levels >= 0)
    return position, of_levels[position, level]


def aggregate_posts(
    row: np.ndarray, post: np.ndarray, label: np.ndarray, score: np.ndarray, aggregation: Aggregation
) -> ImageLabels:
    """Adds up annotations over posts.

    A post counts once per label, with its best term. Then, over the posts of an image: `noisy_or` takes them
    for independent witnesses; `log_mean` orders by m = mean times log2(1 + number of posts) and scores 1 - exp(-m),
    so that one sure post has 0.63 and no number of posts reaches a ceiling; `sum` is cut off at 1.

    Args:
        row: int64 [A] image of each annotation.
        post: int64 [A].
        label: int64 [A].
        score: int64 [A] in 0..ONE.
        aggregation: How posts add up.
    """
    num_labels = int(label.max(initial=0)) + 1
    order, starts = sort_groups(post * num_labels + label)
    best = np.maximum.reduceat(score[order], starts) if len(starts) else score
    first = order[starts]
    row, label = row[first], label[first]
    order, starts = sort_groups(row * num_labels + label)
    total = _add_up(best[order], starts, aggregation) if len(starts) else best
    first = order[starts]
    row, label = row[first], label[first]
    return _ranked(row, label, total)


def add_coarser_labels(labels: ImageLabels, levels: np.ndarray) -> ImageLabels:
    """The labels with those of the coarser levels that join them, each as sure as the surest that it joins.

    So what is said by name comes before what is only like it.

    Args:
        labels: Of the finest level.
        levels: int64 [V, L] label of each of L finest labels at each level; -1 where it is that of the finer one.
    """
    position, label = labels_of_terms(levels, labels.label)
    row, score = labels.row[position], labels.score[position]
    order, starts = sort_groups(row * (int(label.max(initial=0)) + 1) + label)
    best = np.maximum.reduceat(score[order], starts) if len(starts) else score
    first = order[starts]
    return _ranked(row[first], label[first], best)


def _ranked(row: np.ndarray, label: np.ndarray, score: np.ndarray) -> ImageLabels:
    # Equal scores stay in the order of labels, the finest and rarest first.
    order, _ = sort_groups(row << 16 | (ONE - score))
    return ImageLabels(row=row[order], label=label[order], score=score[order])


def _add_up(scores: np.ndarray, starts: np.ndarray, aggregation: Aggregation) -> np.ndarray:
    if aggregation == "noisy_or":
        return combine(np.add.reduceat(to_evidence(scores), starts))
    total = np.add.reduceat(scores, starts)
    if aggregation == "log_mean":
        count = run_lengths(starts, len(scores))
        total = np.rint(-np.expm1(-total / ONE / count * np.log2(1 + count)) * ONE).astype(np.int64)
    return np.minimum(total, ONE)


def best_labels(labels: ImageLabels, top_k: int, min_score: float) -> np.ndarray:
    """Mask of the first top_k labels of each row that reach the least score."""
    return (places_in_runs(labels.row) < top_k) & (labels.score >= np.ceil(min_score * ONE))
