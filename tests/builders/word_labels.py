"""A label set of plain words, for tests that do not wait for a derivation."""

import dataclasses
import shutil
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import load, save
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.corpus import Corpus, open_corpus

__all__ = ["rename_first_label", "write_word_labels"]

_MIN_IMAGES = 6


def write_word_labels(folder: Path, corpus_folder: Path) -> Path:
    """Every English word of at least three letters on at least six images is a label."""
    corpus = open_corpus(corpus_folder)
    words = _words(corpus)
    frequency = Counter(word for own in words.values() for word in own)
    vocabulary = sorted(word for word, count in frequency.items() if count >= _MIN_IMAGES)
    (folder / "shards").mkdir(parents=True)
    _write_vocabulary(folder, vocabulary, frequency)
    num_labelled = sum(
        _write_sidecar(corpus, shard.name, folder, words, vocabulary) for shard in corpus.manifest.shards
    )
    manifest = LabelSetManifest(
        corpus_digest=corpus.manifest.digest,
        config_digest="words",
        digest="words",
        shards=tuple(shard.name for shard in corpus.manifest.shards),
        num_labels=len(vocabulary),
        num_images_labelled=num_labelled,
        num_images=corpus.manifest.num_images,
        num_signals=corpus.manifest.num_signals,
        num_signals_skipped={},
    )
    save(folder / "labels.json", manifest)
    return folder


def rename_first_label(labels: Path, folder: Path) -> Path:
    """Copies word labels; the first has another id and is called otherwise."""
    shutil.copytree(labels, folder)
    vocabulary = pq.read_table(folder / "vocabulary.parquet").to_pylist()
    vocabulary[0] |= {"label_id": 9000, "term": "another"}
    pq.write_table(pa.Table.from_pylist(vocabulary, schema=VOCABULARY_SCHEMA), folder / "vocabulary.parquet")
    for path in (folder / "shards").iterdir():
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row["label_ids"] = [9000 if label_id == 1000 else label_id for label_id in row["label_ids"]]
        pq.write_table(pa.Table.from_pylist(rows, schema=SIDECAR_SCHEMA), path)
    save(folder / "labels.json", dataclasses.replace(load(LabelSetManifest, folder / "labels.json"), digest="other"))
    return folder


def _words(corpus: Corpus) -> dict[str, set[str]]:
    words: dict[str, set[str]] = defaultdict(set)
    for path in corpus.signal_files():
        for row in pq.read_table(path, columns=["image_id", "text", "language"]).to_pylist():
            if row["language"] == "en":
                words[row["image_id"]] |= {word for word in row["text"].lower().split() if len(word) > 2}
    return words


def _write_vocabulary(folder: Path, vocabulary: list[str], frequency: Counter[str]) -> None:
    rows = [
        {
            "label_id": 1000 + output,
            "term": word,
            "members": [word],
            "language": "en",
            "frequency": frequency[word],
            "idf": 1.0,
            "band": "head",
        }
        for output, word in enumerate(vocabulary)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=VOCABULARY_SCHEMA), folder / "vocabulary.parquet")


def _write_sidecar(corpus: Corpus, shard: str, folder: Path, words: dict[str, set[str]], vocabulary: list[str]) -> int:
    rows = []
    for image_id in corpus.shard_index(shard)["image_id"].to_pylist():
        outputs = [output for output, word in enumerate(vocabulary) if word in words[image_id]]
        scores = [1 / (1 + rank) for rank in range(len(outputs))]
        label_ids = [1000 + output for output in outputs]
        rows.append({"image_id": image_id, "label_ids": label_ids, "scores": scores})
    pq.write_table(pa.Table.from_pylist(rows, schema=SIDECAR_SCHEMA), folder / "shards" / f"{shard}.parquet")
    return sum(bool(row["label_ids"]) for row in rows)
