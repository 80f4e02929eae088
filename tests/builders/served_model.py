"""A model with every kind of head and random weights, and text features for it: small and quick."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from vitrail.contracts.codec import write
from vitrail.contracts.labels import (
    DICTIONARY_FILE,
    DICTIONARY_SCHEMA,
    MEMBERS_FILE,
    MEMBERS_SCHEMA,
    VOCABULARY_FILE,
    VOCABULARY_SCHEMA,
    LabelSetManifest,
)
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import open_corpus
from vitrail.models import VitrailModel, save_model
from vitrail.packaging import EndpointConfig

CONFIG = EndpointConfig(num_golden=10, num_rounds=2, max_p99_ms=20_000, max_bytes=200_000)
LINEAGE = Lineage(run_id="run-1", model_version="vitrail/1")
TERMS = ("hand", "face", "flag", "cat", "sun", "train", "cake")
FIRST_ID = 500  # of the labels
COARSE, COARSE_ID = "cat, sun", 900
_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def labels_of_row(row: int) -> dict[str, float]:
    """The labels of an image with their scores: every other image has two."""
    both = {TERMS[row % len(TERMS)]: 0.5, TERMS[(row + 1) % len(TERMS)]: 0.25}
    return dict(list(both.items())[: 1 + row % 2])


def write_text_features(folder: Path, image_ids: list[str]) -> Path:
    """As `build_text_features` writes them."""
    folder.mkdir(parents=True)
    labels_of = [labels_of_row(row) for row in range(len(image_ids))]
    images = {
        "image_id": image_ids,
        "event_timestamp": pa.array([_NOW] * len(image_ids), pa.timestamp("us", tz="UTC")),
        "top_labels": [list(own) for own in labels_of],
        "top_label_ids": [[FIRST_ID + TERMS.index(term) for term in own] for own in labels_of],
        "top_scores": pa.array([list(own.values()) for own in labels_of], pa.list_(pa.float32())),
        "sources": [["title"]] * len(image_ids),
        "source_counts": [[2]] * len(image_ids),
        "num_signals": [2] * len(image_ids),
        "language": ["en"] * len(image_ids),
    }
    labels = {
        "label_id": range(FIRST_ID, FIRST_ID + len(TERMS)),
        "event_timestamp": pa.array([_NOW] * len(TERMS), pa.timestamp("us", tz="UTC")),
        "term": list(TERMS),
        "frequency": [1] * len(TERMS),
        "idf": pa.array([1.0] * len(TERMS), pa.float32()),
        "band": ["head"] * len(TERMS),
    }
    pq.write_table(pa.table(images), folder / "image_features.parquet")
    pq.write_table(pa.table(labels), folder / "label_statistics.parquet")
    return folder


def write_label_set(folder: Path) -> Path:
    """A label set without the labels of images, as a version in the registry keeps it."""
    folder.mkdir(parents=True)
    ids = {term: FIRST_ID + number for number, term in enumerate(TERMS)} | {COARSE: COARSE_ID}
    vocabulary = [
        {"label_id": label_id, "term": term, "members": [term], "language": "en", "frequency": 1, "idf": 1.0}
        | {"band": "head", "level": int(term == COARSE)}
        for term, label_id in ids.items()
    ]
    terms = [(term, "en", ids[term], 0) for term in TERMS]
    terms += [("kitten", "en", ids["cat"], 0), ("gato", "es", ids["cat"], 0), ("sun hat", "en", ids["face"], 0)]
    terms += [("cat", "en", COARSE_ID, 1), ("sun", "en", COARSE_ID, 1)]
    members = [
        {"term": term, "language": language, "label_id": label_id, "level": level, "num_images": 9, "closeness": 1.0}
        for term, language, label_id, level in terms
    ]
    entries = [(term, term, language, None) for term, language, _, level in terms if level == 0]
    entries += [("cats", "cat", "en", None), ("the", "the", "en", "stop_word"), ("moon", "moon", "en", None)]
    dictionary = [
        {"term": term, "canonical": canonical, "language": language, "num_images": 9, "idf": 1.0, "reason": reason}
        for term, canonical, language, reason in entries
    ]
    pq.write_table(pa.Table.from_pylist(vocabulary, schema=VOCABULARY_SCHEMA), folder / VOCABULARY_FILE)
    pq.write_table(pa.Table.from_pylist(members, schema=MEMBERS_SCHEMA), folder / MEMBERS_FILE)
    pq.write_table(pa.Table.from_pylist(dictionary, schema=DICTIONARY_SCHEMA), folder / DICTIONARY_FILE)
    manifest = LabelSetManifest(
        corpus_digest="c",
        config_digest="c",
        digest="d",
        shards=(),
        num_labels=len(vocabulary),
        num_images_labelled=0,
        num_images=0,
        num_signals=0,
        num_signals_skipped={},
    )
    write(folder, manifest)
    return folder


def save_random_model(folder: Path, corpus: Path, seed: int) -> Path:
    """Heads for the corpus's tasks, weak labels TERMS and an embedding."""
    torch.manual_seed(seed)
    heads = [
        HeadSpec(
            name="annotations",
            kind="multilabel",
            dim=len(TERMS),
            classes=TERMS,
            label_ids=tuple(range(len(TERMS))),
        ),
        *(
            HeadSpec(name=task.name, kind="classification", dim=len(task.classes), classes=task.classes)
            for task in open_corpus(corpus).manifest.tasks
            if task.kind == "classification"
        ),
        HeadSpec(name="embedding", kind="retrieval", dim=64),
    ]
    trunk = Architecture(
        name="vit_tiny_patch16_224",
        options={"depth": 2, "embed_dim": 48, "num_heads": 3, "patch_size": 8},
    )
    model = VitrailModel(trunk, Transforms(image_size=64), heads)
    for head in model.heads.values():
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    save_model(folder, model, LINEAGE)
    return folder
