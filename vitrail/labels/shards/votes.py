"""Votes: which signals said the terms that an image's labels rest on."""

import numpy as np
import pyarrow as pa

from vitrail.labels.arrays import find_among, is_run_start, positions_in_rows, run_lengths, sort_groups
from vitrail.labels.scoring.aggregation import ImageLabels
from vitrail.labels.scoring.annotation_features import Annotations
from vitrail.labels.scoring.evidence import ONE
from vitrail.labels.scoring.mentions import Mentions, encode_sorted

__all__ = ["collect_votes"]


def collect_votes(
    signals: pa.RecordBatch,
    mentions: Mentions,
    annotations: Annotations,
    scores: np.ndarray,
    said: np.ndarray,
    label: np.ndarray,
    labels: ImageLabels,
) -> pa.RecordBatch:
    """Which signals said the terms of the candidate labels: row, label, term, post_id, source, score.

    The score of a vote is that of its post's annotation. Ordered by row, label, post, term and source.

    Args:
        signals: Of a shard, as they were spilled.
        mentions: Of the signals.
        annotations: A annotations of the mentions.
        scores: int64 [A].
        said: int64 [E] annotation of each of E (annotation, label) pairs, ascending.
        label: int64 [E].
        labels: Candidate labels of the shard.
    """
    width = int(label.max(initial=0)) + 1
    pair = annotations.row[said] * width + label
    kept = find_among(pair, labels.row * width + labels.label)
    counts = run_lengths(annotations.starts, len(annotations.mention))[said[kept]]
    origin = np.repeat(kept, counts)
    vote = annotations.mention[positions_in_rows(annotations.starts[said[kept]], counts)]
    is_first = is_run_start(mentions.signal[vote], origin)  # a signal votes once, however often it says a term
    vote, origin = vote[is_first], origin[is_first]
    order, _ = sort_groups(pair[origin])
    vote, origin = vote[order], origin[order]
    at = said[origin]
    post_id, source = encode_sorted(signals["post_id"]), encode_sorted(signals["source"])
    signal = pa.array(mentions.signal[vote])
    return pa.record_batch(
        {
            "row": annotations.row[at].astype(np.int32),
            "label": label[origin].astype(np.int32),
            "term": mentions.term[vote].astype(np.int32),
            "post_id": post_id.take(signal),
            "source": source.take(signal),
            "score": (scores[at] / ONE).astype(np.float32),
        }
    )
