"""From annotated signals to the scored labels of each image, one shard at a time.

All sums are over integers, so the result does not depend on the order or the partitioning of the signals.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from vitrail.labels.scoring import ONE, combine, to_evidence

__all__ = ["NESTED_WEIGHT", "ShardScores", "score_shard"]

Aggregation = Literal["noisy_or", "log_mean", "sum"]

NESTED_WEIGHT = 0.5  # of a phrase found inside a longer one
_MAX_POSTS = 1000  # log_mean reaches its ceiling here


@dataclass(frozen=True, kw_only=True)
class ShardScores:
    """Scored (row, label) pairs of a shard, by row, then best label first; votes in the order of the signals."""

    row: np.ndarray  # int64 [P] row inside the shard
    label: np.ndarray  # int64 [P]
    score: np.ndarray  # int64 [P], 0..ONE
    vote_signal: np.ndarray  # int64 [V] index of the signal
    vote_term: np.ndarray  # int64 [V]
    vote_label: np.ndarray  # int64 [V]
    vote_score: np.ndarray  # int64 [V]


def score_shard(
    signals: pa.Table,
    first_row: int,
    label_of_term: np.ndarray,
    term_score: np.ndarray,
    source_weights: dict[str, float],
    aggregation: Aggregation,
) -> ShardScores:
    """Scores the labels of the images of one shard.

    Args:
        signals: Spilled signals of the shard, in any order.
        first_row: Corpus row of the shard's first image.
        label_of_term: int64 [T], -1 for terms without a label.
        term_score: float64 [T] in [0, 1]: how much one clean mention of the term says.
        source_weights: Trust per source; 1 when not named.
        aggregation: How posts add up.
    """
    signals = signals.combine_chunks()
    row = signals["row"].to_numpy() - first_row
    lists = signals["terms"].combine_chunks() if signals.num_rows else pa.array([], pa.list_(pa.int32()))
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.chunk(0)
    term = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    nested_lists = signals["nested"].combine_chunks()
    nested = (nested_lists.chunk(0) if isinstance(nested_lists, pa.ChunkedArray) else nested_lists).flatten()
    nested = nested.to_numpy(zero_copy_only=False).astype(bool)
    signal = np.repeat(np.arange(len(row)), lists.value_lengths().to_numpy(zero_copy_only=False))
    label = label_of_term[term]
    has_label = label >= 0
    signal, term, nested, label = signal[has_label], term[has_label], nested[has_label], label[has_label]
    source, trust = _sources(signals, source_weights)
    weight = np.clip(signals["weight"].to_numpy(), 0, 1).astype(np.float64)
    strength = (trust * weight)[signal] * np.where(nested, NESTED_WEIGHT, 1.0) * term_score[term]
    score = np.rint(strength * ONE).astype(np.int64)
    post = _posts(signals, row)
    post_row, post_label, post_score = _score_posts(post[signal], label, source[signal], score, row[signal])
    image_row, image_label, image_score = _score_images(post_row, post_label, post_score, aggregation)
    order = np.lexsort((image_label, -image_score, image_row))
    return ShardScores(
        row=image_row[order],
        label=image_label[order],
        score=image_score[order],
        vote_signal=signal,
        vote_term=term,
        vote_label=label,
        vote_score=score,
    )


def _sources(signals: pa.Table, source_weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    column = signals["source"].combine_chunks().dictionary_encode()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    code = column.indices.to_numpy(zero_copy_only=False)
    trust = np.array([source_weights.get(name, 1.0) for name in column.dictionary.to_pylist()])
    return code.astype(np.int64), trust[code] if len(code) else np.zeros(0)


def _posts(signals: pa.Table, row: np.ndarray) -> np.ndarray:
    """A number per (image, post)."""
    column = signals["post_id"].combine_chunks().dictionary_encode()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    code = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.unique(row << 32 | code, return_inverse=True)[1]


def _grouped(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorting order and starts of the groups of equal keys."""
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = (
        np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])) if len(key) else np.zeros(0, np.int64)
    )
    return order, starts


def _score_posts(
    post: np.ndarray, label: np.ndarray, source: np.ndarray, score: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One source counts once with its best mention; sources of a post add up by noisy-or."""
    order, starts = _grouped((post * (1 << 24) + label) * (1 << 8) + source)
    if not len(starts):
        return row[:0], label[:0], score[:0]
    best = np.maximum.reduceat(score[order], starts)
    first = order[starts]
    post, label, row = post[first], label[first], row[first]
    order, starts = _grouped(post << 24 | label)
    first = order[starts]
    return row[first], label[first], combine(np.add.reduceat(to_evidence(best)[order], starts))


def _score_images(
    row: np.ndarray, label: np.ndarray, score: np.ndarray, aggregation: Aggregation
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order, starts = _grouped(row << 24 | label)
    if not len(starts):
        return row, label, score
    first, ordered = order[starts], score[order]
    if aggregation == "noisy_or":
        total = combine(np.add.reduceat(to_evidence(ordered), starts))
    else:
        total = np.add.reduceat(ordered, starts)
        if aggregation == "log_mean":
            count = np.diff(np.append(starts, len(order)))
            total = np.rint(total / count * np.log1p(count) / np.log1p(_MAX_POSTS)).astype(np.int64)
        total = np.minimum(total, ONE)
    return row[first], label[first], total
