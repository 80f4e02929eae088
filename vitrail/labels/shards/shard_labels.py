"""Scoring and publishing the labels of one shard, in Daft workers.

Scoring writes scored/<shard>.npz (candidate labels, and how often each is among the best) and the votes beside;
publishing follows once it is known which labels have enough images in the whole corpus. A finished file is not
computed again. Counts and digests are made here, so that the driver reads numbers per shard and never its rows.
"""

from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import decode
from vitrail.contracts.files import atomic_file, digest_file, read_json
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOTES_SCHEMA
from vitrail.labels.arrays import sort_groups
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import load_terms
from vitrail.labels.scoring.aggregation import ImageLabels, aggregate_posts, best_labels
from vitrail.labels.scoring.annotation_features import Annotations, build_annotations
from vitrail.labels.scoring.mentions import Mentions, encode_sorted, unpack_mentions
from vitrail.labels.scoring.scorers import ONE, load_scorer
from vitrail.labels.shards.annotation import read_spill
from vitrail.labels.shards.engine import prepare_worker
from vitrail.labels.shards.image_rows import read_image_ids
from vitrail.labels.shards.scorer_training import SCORER_FILE

__all__ = ["SPARE", "ShardPublisher", "ShardScorer", "count_labels", "read_published"]

SPARE = 2  # candidates kept per label of top_k, to fill the places of labels that turn out to have too few images


@daft.cls
class ShardScorer:
    """Scores the images of shards.

    Args:
        work: Work folder after annotation.
        config: JSON form of the LabelsConfig.
    """

    def __init__(self, work: str, config: dict[str, object]) -> None:
        prepare_worker()
        self._work = Path(work)
        self._config = decode(LabelsConfig, config, "config")
        self._scorer = load_scorer(str(self._work / SCORER_FILE) if self._config.judgements else self._config.scorer)
        self._terms = load_terms(self._work)
        self._starts = np.load(self._work / "starts.npy")
        self._places = read_json(self._work / "places.json")

    @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)
    def score(self, number: daft.Series) -> list[int]:
        """Scores shards by number; returns the numbers."""
        numbers = number.to_pylist()
        for shard in numbers:
            path = self._work / "scored" / f"{shard}.npz"
            if not path.exists():
                self._score(shard, path)
        return numbers

    def _score(self, shard: int, path: Path) -> None:
        batches = [read_spill(self._work / "spill" / name, place) for name, place in self._places.get(str(shard), [])]
        if not batches:
            _save_scored(path, ImageLabels(row=_NONE, label=_NONE, score=_NONE), self._config.top_k, None)
            return
        signals = pa.Table.from_batches(batches).combine_chunks().to_batches()[0]
        mentions = unpack_mentions(signals, int(self._starts[shard]), self._config.source_weights)
        annotations = build_annotations(mentions, self._terms, self._scorer.features)
        scores = self._scorer.score(annotations.features)
        label = self._terms.label[annotations.term]
        labels = aggregate_posts(annotations.row, annotations.post, label, scores, self._config.aggregation)
        labels = labels.select(best_labels(labels, SPARE * self._config.top_k, self._config.min_score))
        votes = collect_votes(signals, mentions, annotations, scores, label, labels) if self._config.votes else None
        _save_scored(path, labels, self._config.top_k, votes)


_NONE = np.zeros(0, dtype=np.int64)


def _save_scored(path: Path, labels: ImageLabels, top_k: int, votes: pa.RecordBatch | None) -> None:
    if votes is not None:
        with (
            atomic_file(path.with_suffix(".votes")) as partial,
            pa.OSFile(str(partial), "wb") as stream,
            pa.ipc.new_file(stream, votes.schema) as writer,
        ):
            writer.write_batch(votes)
    best, count = _count_values(labels.label[best_labels(labels, top_k, 0)])
    with atomic_file(path) as partial, partial.open("wb") as stream:
        parts = {name: getattr(labels, name).astype(np.int32) for name in ("row", "label", "score")}
        np.savez(stream, **parts, best=best, count=count)


def load_scored(path: Path) -> ImageLabels:
    """Candidate labels of a scored shard."""
    with np.load(path, allow_pickle=False) as arrays:
        return ImageLabels(**{name: arrays[name].astype(np.int64) for name in ("row", "label", "score")})


def collect_votes(
    signals: pa.RecordBatch,
    mentions: Mentions,
    annotations: Annotations,
    scores: np.ndarray,
    label: np.ndarray,
    labels: ImageLabels,
) -> pa.RecordBatch:
    """Which signals said the terms of the candidate labels: row, label, term, post_id, source, score.

    The score of a vote is that of its post's annotation. Ordered by row, label, post, term and source.
    """
    width = int(label.max(initial=0)) + 1
    pair = annotations.row * width + label
    kept = _find_among(pair, labels.row * width + labels.label)
    counts = np.diff(annotations.starts, append=len(annotations.mention))[kept]
    ends = np.cumsum(counts)
    owner = np.repeat(kept, counts)
    vote = annotations.mention[np.repeat(annotations.starts[kept] - (ends - counts), counts) + np.arange(len(owner))]
    is_first = np.ones(len(vote), dtype=bool)  # a signal votes once, however often it says a term
    is_first[1:] = (np.diff(mentions.signal[vote]) != 0) | (np.diff(owner) != 0)
    vote, owner = vote[is_first], owner[is_first]
    order, _ = sort_groups(pair[owner])
    vote, at = vote[order], owner[order]
    post_id, source = encode_sorted(signals["post_id"]), encode_sorted(signals["source"])
    signal = pa.array(mentions.signal[vote])
    return pa.record_batch(
        {
            "row": annotations.row[at].astype(np.int32),
            "label": label[at].astype(np.int32),
            "term": mentions.term[vote].astype(np.int32),
            "post_id": post_id.take(signal),
            "source": source.take(signal),
            "score": (scores[at] / ONE).astype(np.float32),
        }
    )


def _count_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values (small, none negative), ascending, and how often each occurs."""
    count = np.bincount(values)
    distinct = np.flatnonzero(count)
    return distinct, count[distinct]


def _find_among(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Positions of the keys that are wanted, out of nearly ordered ones.

    A table by the low bits of the keys rules most out; its neighbouring slots stay in the processor's cache.
    """
    if not len(wanted):
        return _NONE
    ordered = np.sort(wanted, kind="stable")
    low_bits = (1 << (len(wanted) * 8).bit_length()) - 1
    is_possible = np.zeros(low_bits + 1, dtype=bool)
    is_possible[ordered & low_bits] = True
    found = np.flatnonzero(is_possible[keys & low_bits])
    slot = np.searchsorted(ordered, keys[found])
    return found[ordered[np.minimum(slot, len(ordered) - 1)] == keys[found]]


def count_labels(work: Path, num_shards: int, num_labels: int) -> np.ndarray:
    """Images per label, over the best top_k labels of each image."""
    total = np.zeros(num_labels, dtype=np.int64)
    for shard in range(num_shards):
        with np.load(work / "scored" / f"{shard}.npz", allow_pickle=False) as arrays:
            total[arrays["best"]] += arrays["count"]
    return total


def read_published(work: Path, num_shards: int, num_labels: int) -> tuple[np.ndarray, int, list[str]]:
    """Images per label, images with a label, and the digest of each sidecar, over all published shards."""
    total, num_labelled, digests = np.zeros(num_labels, dtype=np.int64), 0, []
    for shard in range(num_shards):
        with np.load(work / "published" / f"{shard}.npz", allow_pickle=False) as arrays:
            total[arrays["label"]] += arrays["count"]
            num_labelled += int(arrays["num_labelled"])
            digests.append(str(arrays["digest"]))
    return total, num_labelled, digests


@daft.cls
class ShardPublisher:
    """Writes sidecars and votes of shards.

    Args:
        work: Work folder after scoring.
        corpus: Corpus folder.
        shards: Names of all shards.
        config: JSON form of the LabelsConfig.
    """

    def __init__(self, work: str, corpus: str, shards: list[str], config: dict[str, object]) -> None:
        prepare_worker()
        self._work, self._corpus, self._shards = Path(work), Path(corpus), shards
        self._config = decode(LabelsConfig, config, "config")
        self._terms = pa.array(load_terms(self._work).term)
        chosen = np.load(self._work / "chosen.npz")
        self._number, self._label_id = chosen["number"], chosen["label_id"]

    @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)
    def publish(self, number: daft.Series) -> list[int]:
        """Publishes shards by number; returns the numbers."""
        numbers = number.to_pylist()
        for shard in numbers:
            record = self._work / "published" / f"{shard}.npz"
            if not record.exists():
                self._publish(shard, record)
        return numbers

    def _publish(self, shard: int, record: Path) -> None:
        name = self._shards[shard]
        image_ids = read_image_ids(self._corpus, name)
        labels = load_scored(self._work / "scored" / f"{shard}.npz")
        labels = labels.select(self._number[labels.label] >= 0)
        labels = labels.select(best_labels(labels, self._config.top_k, 0))
        with atomic_file(self._work / "shards" / f"{name}.parquet") as partial:
            pq.write_table(self._sidecar(image_ids, labels), partial)
            digest = digest_file(partial)
        with atomic_file(self._work / "votes" / f"{name}.parquet") as partial:
            votes = self._votes(image_ids, labels, shard)  # ordered by image: other statistics rule nothing out
            pq.write_table(votes, partial, store_schema=False, write_statistics=["image_id"])
        label, count = _count_values(self._number[labels.label])
        num_labelled = np.count_nonzero(np.diff(labels.row, prepend=-1))  # rows ascend
        with atomic_file(record) as partial, partial.open("wb") as stream:
            np.savez(stream, label=label, count=count, num_labelled=num_labelled, digest=digest)

    def _sidecar(self, image_ids: pa.Array, labels: ImageLabels) -> pa.Table:
        counts = np.bincount(labels.row, minlength=len(image_ids))
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        ids = self._label_id[self._number[labels.label]]
        scores = (labels.score / ONE).astype(np.float32)
        columns = [
            image_ids,
            pa.ListArray.from_arrays(offsets, ids),
            pa.ListArray.from_arrays(offsets, scores),
        ]
        return pa.table(columns, schema=SIDECAR_SCHEMA)

    def _votes(self, image_ids: pa.Array, labels: ImageLabels, shard: int) -> pa.Table:
        path = self._work / "scored" / f"{shard}.votes"
        if not path.exists():
            return VOTES_SCHEMA.empty_table()
        batch = read_spill(path, 0)
        row, label = batch["row"].to_numpy().astype(np.int64), batch["label"].to_numpy()
        width = len(self._number)
        kept = _find_among(row * width + label, labels.row * width + labels.label)
        batch, row, label = batch.take(pa.array(kept)), row[kept], label[kept]
        return pa.table(
            {
                "image_id": pa.DictionaryArray.from_arrays(pa.array(row), image_ids),
                "label_id": self._label_id[self._number[label]],
                "term": self._name_terms(batch["term"].to_numpy()),
                "post_id": batch["post_id"],
                "source": batch["source"],
                "score": batch["score"],
            }
        )

    def _name_terms(self, term: np.ndarray) -> pa.DictionaryArray:
        """Terms by name; the dictionary holds those of the shard alone, not the whole vocabulary."""
        is_used = np.zeros(len(self._terms), dtype=bool)
        is_used[term] = True
        names = self._terms.filter(pa.array(is_used)).dictionary_encode()  # each once: languages share some
        code = names.indices.to_numpy()[np.cumsum(is_used)[term] - 1]
        return pa.DictionaryArray.from_arrays(pa.array(code), names.dictionary)
