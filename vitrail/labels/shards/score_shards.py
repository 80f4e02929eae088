"""The score stage: candidate labels and their votes, one shard at a time in Daft workers.

A shard's file holds how often each label is among the best, so that the driver reads numbers per shard and never rows.
A finished file is not computed again.
"""

from pathlib import Path

import daft
import numpy as np
import pyarrow as pa

from vitrail.contracts.codec import decode, encode
from vitrail.contracts.files import atomic_file
from vitrail.labels.arrays import count_values
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import load_terms
from vitrail.labels.scoring.aggregation import (
    ImageLabels,
    add_coarser_labels,
    aggregate_posts,
    best_labels,
    labels_of_terms,
)
from vitrail.labels.scoring.annotation_features import build_annotations
from vitrail.labels.scoring.mentions import unpack_mentions
from vitrail.labels.scoring.scorers import load_scorer
from vitrail.labels.shards.engine import prepare_worker, shard_numbers
from vitrail.labels.shards.spill import SpilledSignals, write_batches
from vitrail.labels.shards.votes import collect_votes
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["SPARE", "ShardScorer", "count_labels", "load_scored", "score_shards"]

SPARE = 2  # candidates kept per label of top_k, to fill the places of labels that turn out to have too few images
_NONE = np.zeros(0, dtype=np.int64)


def score_shards(work: WorkFolder, num_shards: int, config: LabelsConfig) -> None:
    """Scores all shards that are not yet."""
    numbers = shard_numbers(num_shards, config.engine)
    scorer = ShardScorer(str(work.path), encode(config))
    numbers.select(scorer.score(daft.col("number"))).collect()


@daft.cls
class ShardScorer:
    """Scores the images of shards.

    Args:
        work: Work folder after annotation.
        config: JSON form of the LabelsConfig.
    """

    def __init__(self, work: str, config: dict[str, object]) -> None:
        prepare_worker()
        self._work = WorkFolder(Path(work))
        self._config = decode(LabelsConfig, config, "config")
        self._scorer = load_scorer(str(self._work.scorer) if self._config.judgements else self._config.scorer)
        self._terms = load_terms(self._work.terms, self._work.vectors)
        self._levels = self._terms.label_levels
        self._starts = np.load(self._work.starts)
        self._spilled = SpilledSignals(self._work)

    @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)
    def score(self, number: daft.Series) -> list[int]:
        """Scores shards by number; returns the numbers."""
        numbers = number.to_pylist()
        for shard in numbers:
            if not self._work.scored(shard).exists():
                self._score(shard)
        return numbers

    def _score(self, shard: int) -> None:
        spilled = self._spilled.of_shard(shard)
        if spilled is None:
            none = ImageLabels(row=_NONE, label=_NONE, score=_NONE)
            _save_scored(self._work, shard, none, self._config.top_k, None)
            return
        signals = spilled.combine_chunks().to_batches()[0]
        mentions = unpack_mentions(signals, int(self._starts[shard]), self._config.source_weights)
        annotations = build_annotations(mentions, self._terms, self._scorer.features)
        scores = self._scorer.score(annotations.features)
        finest = self._terms.label[0, annotations.term]
        labels = aggregate_posts(annotations.row, annotations.post, finest, scores, self._config.aggregation)
        labels = add_coarser_labels(labels, self._levels)
        labels = labels.select(best_labels(labels, SPARE * self._config.top_k, self._config.min_score))
        votes = None
        if self._config.votes:
            said, label = labels_of_terms(self._terms.label, annotations.term)
            votes = collect_votes(signals, mentions, annotations, scores, said, label, labels)
        _save_scored(self._work, shard, labels, self._config.top_k, votes)


def _save_scored(work: WorkFolder, shard: int, labels: ImageLabels, top_k: int, votes: pa.RecordBatch | None) -> None:
    if votes is not None:
        with atomic_file(work.candidate_votes(shard)) as partial:
            write_batches(partial, votes.schema, [votes])
    best, count = count_values(labels.label[best_labels(labels, top_k, 0)])
    with atomic_file(work.scored(shard)) as partial, partial.open("wb") as stream:
        parts = {name: getattr(labels, name).astype(np.int32) for name in ("row", "label", "score")}
        np.savez(stream, **parts, best=best, count=count)


def load_scored(work: WorkFolder, shard: int) -> ImageLabels:
    """Candidate labels of a scored shard."""
    with np.load(work.scored(shard), allow_pickle=False) as arrays:
        return ImageLabels(**{name: arrays[name].astype(np.int64) for name in ("row", "label", "score")})


def count_labels(work: WorkFolder, num_shards: int, num_labels: int) -> np.ndarray:
    """Images per label, over the best top_k labels of each image."""
    total = np.zeros(num_labels, dtype=np.int64)
    for shard in range(num_shards):
        with np.load(work.scored(shard), allow_pickle=False) as arrays:
            total[arrays["best"]] += arrays["count"]
    return total
