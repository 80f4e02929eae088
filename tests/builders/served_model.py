"""A model with every kind of head and random weights, and text features for it: small and quick."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import open_corpus
from vitrail.models import VitrailModel, save_model
from vitrail.packaging import EndpointConfig

CONFIG = EndpointConfig(num_golden=10, num_rounds=2, max_p99_ms=20_000, max_bytes=200_000)
LINEAGE = Lineage(run_id="run-1", model_version="vitrail/1")
TERMS = ("hand", "face", "flag", "cat", "sun", "train", "cake")
_NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def write_text_features(folder: Path, image_ids: list[str]) -> Path:
    """As `build_text_features` writes them, with one label for every image."""
    folder.mkdir(parents=True)
    terms = [TERMS[row % len(TERMS)] for row in range(len(image_ids))]
    images = {
        "image_id": image_ids,
        "event_timestamp": pa.array([_NOW] * len(image_ids), pa.timestamp("us", tz="UTC")),
        "top_labels": [[term] for term in terms],
        "top_label_ids": [[TERMS.index(term)] for term in terms],
        "top_scores": pa.array([[0.5]] * len(image_ids), pa.list_(pa.float32())),
        "sources": [["title"]] * len(image_ids),
        "source_counts": [[2]] * len(image_ids),
        "num_signals": [2] * len(image_ids),
        "language": ["en"] * len(image_ids),
    }
    labels = {
        "label_id": range(len(TERMS)),
        "event_timestamp": pa.array([_NOW] * len(TERMS), pa.timestamp("us", tz="UTC")),
        "term": list(TERMS),
        "frequency": [1] * len(TERMS),
        "idf": pa.array([1.0] * len(TERMS), pa.float32()),
        "band": ["head"] * len(TERMS),
    }
    pq.write_table(pa.table(images), folder / "image_features.parquet")
    pq.write_table(pa.table(labels), folder / "label_statistics.parquet")
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
