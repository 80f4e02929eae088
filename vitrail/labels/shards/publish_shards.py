"""The publish stage: sidecars and votes of the labels that have enough images, one shard at a time in Daft workers.

Counts and digests are made there, so that the driver reads numbers per shard and never rows. A finished file is not
computed again.
"""

from dataclasses import dataclass
from pathlib import Path

import daft
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import decode, encode
from vitrail.contracts.files import atomic_file, digest_file
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOTES_SCHEMA
from vitrail.corpus import Corpus, open_corpus
from vitrail.labels.arrays import count_values, find_among, is_run_start, list_array
from vitrail.labels.config import LabelsConfig
from vitrail.labels.dictionary.terms import load_terms
from vitrail.labels.scoring.aggregation import ImageLabels, best_labels
from vitrail.labels.scoring.evidence import ONE
from vitrail.labels.shards.choose_labels import open_chosen
from vitrail.labels.shards.engine import prepare_worker, shard_numbers
from vitrail.labels.shards.image_rows import read_image_ids
from vitrail.labels.shards.score_shards import load_scored
from vitrail.labels.shards.spill import read_batch
from vitrail.labels.shards.work_folder import WorkFolder

__all__ = ["PublishedShards", "ShardPublisher", "publish_shards"]


@dataclass(frozen=True, kw_only=True)
class PublishedShards:
    """Counts over all shards."""

    frequency: np.ndarray  # int64 [L] images of each label
    num_images_labelled: int
    sidecar_digests: dict[str, str]  # by the name of the shard


def publish_shards(work: WorkFolder, corpus: Corpus, num_labels: int, config: LabelsConfig) -> PublishedShards:
    """Writes sidecars and votes of all shards that have none yet."""
    shards = [shard.name for shard in corpus.manifest.shards]
    numbers = shard_numbers(len(shards), config.engine)
    publisher = ShardPublisher(str(work.path), str(corpus.path), encode(config))
    numbers.select(publisher.publish(daft.col("number"))).collect()
    frequency, num_labelled, digests = np.zeros(num_labels, dtype=np.int64), 0, {}
    for number, name in enumerate(shards):
        with np.load(work.published(number), allow_pickle=False) as arrays:
            frequency[arrays["label"]] += arrays["count"]
            num_labelled += int(arrays["num_labelled"])
            digests[name] = str(arrays["digest"])
    return PublishedShards(frequency=frequency, num_images_labelled=num_labelled, sidecar_digests=digests)


@daft.cls
class ShardPublisher:
    """Writes sidecars and votes of shards.

    Args:
        work: Work folder after scoring.
        corpus: Corpus folder.
        config: JSON form of the LabelsConfig.
    """

    def __init__(self, work: str, corpus: str, config: dict[str, object]) -> None:
        prepare_worker()
        self._work, self._corpus = WorkFolder(Path(work)), open_corpus(Path(corpus))
        self._config = decode(LabelsConfig, config, "config")
        self._terms = pa.array(load_terms(self._work.terms, self._work.vectors).term)
        self._number, self._label_id = open_chosen(self._work)

    @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)
    def publish(self, number: daft.Series) -> list[int]:
        """Publishes shards by number; returns the numbers."""
        numbers = number.to_pylist()
        for shard in numbers:
            if not self._work.published(shard).exists():
                self._publish(shard)
        return numbers

    def _publish(self, shard: int) -> None:
        name = self._corpus.manifest.shards[shard].name
        image_ids = read_image_ids(self._corpus, name)
        labels = load_scored(self._work, shard)
        labels = labels.select(self._number[labels.label] >= 0)
        labels = labels.select(best_labels(labels, self._config.top_k, 0))
        with atomic_file(self._work.sidecar(name)) as partial:
            pq.write_table(self._sidecar(image_ids, labels), partial)
            digest = digest_file(partial)
        with atomic_file(self._work.votes(name)) as partial:
            votes = self._votes(image_ids, labels, shard)  # ordered by image: other statistics rule nothing out
            pq.write_table(votes, partial, store_schema=False, write_statistics=["image_id"])
        label, count = count_values(self._number[labels.label])
        num_labelled = np.count_nonzero(is_run_start(labels.row))  # rows ascend
        with atomic_file(self._work.published(shard)) as partial, partial.open("wb") as stream:
            np.savez(stream, label=label, count=count, num_labelled=num_labelled, digest=digest)

    def _sidecar(self, image_ids: pa.Array, labels: ImageLabels) -> pa.Table:
        counts = np.bincount(labels.row, minlength=len(image_ids))
        ids = self._label_id[self._number[labels.label]]
        scores = (labels.score / ONE).astype(np.float32)
        columns = [
            image_ids,
            list_array(counts, ids),
            list_array(counts, scores),
        ]
        return pa.table(columns, schema=SIDECAR_SCHEMA)

    def _votes(self, image_ids: pa.Array, labels: ImageLabels, shard: int) -> pa.Table:
        path = self._work.candidate_votes(shard)
        if not path.exists():
            return VOTES_SCHEMA.empty_table()
        batch = read_batch(path, 0)
        row, label = batch["row"].to_numpy().astype(np.int64), batch["label"].to_numpy()
        width = len(self._number)
        kept = find_among(row * width + label, labels.row * width + labels.label)
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
