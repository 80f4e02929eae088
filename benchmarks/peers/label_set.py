"""A label set from (image, label, score) rows, for recipes that have no stages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from peers.texts import draw
from vitrail.contracts.codec import write
from vitrail.contracts.files import atomic_folder, digest_file, digest_json
from vitrail.contracts.labels import (
    SIDECAR_SCHEMA,
    VOCABULARY_FILE,
    VOCABULARY_SCHEMA,
    LabelSetManifest,
    sidecar_file,
)
from vitrail.corpus import Corpus
from vitrail.errors import LabelError
from vitrail.labels import LabelSet, open_labels
from vitrail.labels.label_set.label_ids import birth_id
from vitrail.labels.label_set.tail import assign_bands
from vitrail.labels.text.language_tags import UNKNOWN

__all__ = ["PeerLabels", "drop_rare", "write_label_set"]


@dataclass(frozen=True, kw_only=True)
class PeerLabels:
    """What a recipe says of a corpus.

    Attributes:
        recipe: What it depends on beside the corpus.
        rows: Columns image_id, label, and score in (0, 1]; each pair once. A score is the share of the target.
        terms: What labels are called; those that are absent by their own name.
        language: Of the terms.
    """

    recipe: dict[str, object]
    rows: pl.DataFrame
    terms: dict[str, str]
    language: str = UNKNOWN


def drop_rare(rows: pl.DataFrame, min_images: int) -> pl.DataFrame:
    """The rows (image_id, label; each pair once) whose label is on at least `min_images` images."""
    return rows.filter(pl.len().over("label") >= min_images)


def write_label_set(folder: Path, corpus: Corpus, labels: PeerLabels) -> LabelSet:
    """Writes a label set, which appears whole; labels of one score lie in an order drawn by hash.

    Raises:
        LabelError: No image has a label.
    """
    if labels.rows.is_empty():
        raise LabelError(f"{corpus.path}: the recipe {labels.recipe} finds no label in the texts; try another corpus")
    keys, vocabulary = _vocabulary(labels, corpus.manifest.num_images)
    lists = _lists(labels.rows, dict(zip(keys, vocabulary["label_id"].to_pylist(), strict=True)))
    with atomic_folder(folder) as partial:
        pq.write_table(vocabulary, partial / VOCABULARY_FILE)
        (partial / sidecar_file("any")).parent.mkdir()
        for name, sidecar in _sidecars(corpus, lists):
            pq.write_table(sidecar, partial / sidecar_file(name))
        write(partial, _manifest(partial, corpus, labels, lists))
    return open_labels(folder)


def _vocabulary(labels: PeerLabels, num_images: int) -> tuple[list[str], pa.Table]:
    """The labels, the most frequent first, and VOCABULARY_SCHEMA rows for them."""
    counts = labels.rows.group_by("label").len().sort(["len", "label"], descending=[True, False])
    keys, frequency = counts["label"].to_list(), counts["len"].to_numpy().astype(np.int64)
    names = [labels.terms.get(key, key) for key in keys]
    return keys, pa.table(
        {
            "label_id": _label_ids(keys, labels.language),
            "term": names,
            "members": [[name] for name in names],
            "language": [labels.language] * len(keys),
            "frequency": frequency,
            "idf": np.log(num_images / frequency).astype(np.float32),
            "band": assign_bands(frequency),
            "level": np.zeros(len(keys), dtype=np.int8),
        },
        schema=VOCABULARY_SCHEMA,
    )


def _label_ids(keys: list[str], language: str) -> list[int]:
    ids: list[int] = []
    taken: set[int] = set()
    for key in keys:
        ids.append(birth_id((key, language, 0), taken))
        taken.add(ids[-1])
    return ids


def _lists(rows: pl.DataFrame, label_id: dict[str, int]) -> pl.DataFrame:
    """Columns of SIDECAR_SCHEMA for the images that have labels."""
    pairs = zip(rows["image_id"].to_list(), rows["label"].to_list(), strict=True)
    lots = [draw(image_id, label) for image_id, label in pairs]
    named = rows.with_columns(
        label_ids=pl.Series([label_id[label] for label in rows["label"].to_list()], dtype=pl.Int64),
        lot=pl.Series(lots, dtype=pl.Binary),
    )
    ordered = named.sort(["image_id", "score", "lot"], descending=[False, True, False])
    return ordered.group_by("image_id", maintain_order=True).agg("label_ids", pl.col("score").alias("scores"))


def _sidecars(corpus: Corpus, lists: pl.DataFrame) -> Iterator[tuple[str, pa.Table]]:
    for shard in corpus.manifest.shards:
        images = pl.DataFrame(corpus.index_columns(shard.name, "image_id"))
        joined = images.join(lists, on="image_id", how="left", maintain_order="left")
        filled = joined.with_columns(pl.col("label_ids", "scores").fill_null([]))
        yield shard.name, filled.select(SIDECAR_SCHEMA.names).to_arrow().cast(SIDECAR_SCHEMA)


def _manifest(folder: Path, corpus: Corpus, labels: PeerLabels, lists: pl.DataFrame) -> LabelSetManifest:
    shards = tuple(shard.name for shard in corpus.manifest.shards)
    digests = {name: digest_file(folder / sidecar_file(name)) for name in shards}
    files = {VOCABULARY_FILE: digest_file(folder / VOCABULARY_FILE)}
    files |= {sidecar_file(name): digest for name, digest in digests.items()}
    return LabelSetManifest(
        corpus_digest=corpus.manifest.digest,
        config_digest=digest_json(labels.recipe),
        digest=digest_json(sorted(files.items())),
        shards=shards,
        num_labels=labels.rows["label"].n_unique(),
        num_images_labelled=len(lists),
        num_images=corpus.manifest.num_images,
        num_signals=corpus.manifest.num_signals,
        num_signals_skipped={},
        sidecar_digests=digests,
        max_labels=int(lists["label_ids"].list.len().max()),
    )
