"""Pictures with the words that came with them and the labels that were derived."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import load
from vitrail.contracts.labels import LabelSetManifest
from vitrail.corpus import Corpus
from vitrail.reporting.artifacts import open_run_corpus
from vitrail.reporting.pictures import embed_pictures
from vitrail.reporting.run import Run

__all__ = ["examples"]

_NUM_EXAMPLES = 12
_NUM_SHARDS = 4
_NUM_LABELS = 6
_NUM_TEXTS = 3
_MOST_CHARACTERS = 90


def examples(run: Run) -> dict[str, Any] | None:
    """Images drawn at random from a few shards; never chosen by how well their labels look."""
    folder, corpus = run.artifact("derive_labels"), open_run_corpus(run)
    if folder is None or corpus is None:
        return None
    drawn = _draw(folder)
    image_ids = [row["image_id"] for row in drawn]
    terms = _terms(folder)
    texts = _texts(corpus, image_ids)
    pictures = embed_pictures(corpus, image_ids)
    return {
        "images": [
            {
                "image_id": row["image_id"],
                "source": pictures.get(row["image_id"]),
                "labels": [
                    {"term": terms.get(label_id, str(label_id)), "score": round(score, 2)}
                    for label_id, score in list(zip(row["label_ids"], row["scores"], strict=True))[
                        :_NUM_LABELS
                    ]
                ],
                "texts": texts.get(row["image_id"], []),
            }
            for row in drawn
        ]
    }


def _draw(folder: Path) -> list[dict[str, Any]]:
    shards = load(LabelSetManifest, folder / "labels.json").shards
    chosen = [shards[int(i)] for i in np.unique(np.linspace(0, len(shards) - 1, _NUM_SHARDS).astype(int))]
    generator = np.random.default_rng(0)
    table = pa.concat_tables([pq.read_table(folder / "shards" / f"{shard}.parquet") for shard in chosen])
    rows = generator.choice(table.num_rows, size=min(_NUM_EXAMPLES, table.num_rows), replace=False)
    drawn: list[dict[str, Any]] = table.take(np.sort(rows)).to_pylist()
    return drawn


def _terms(folder: Path) -> dict[int, str]:
    table = pq.read_table(folder / "vocabulary.parquet", columns=["label_id", "term"])
    return dict(zip(table["label_id"].to_pylist(), table["term"].to_pylist(), strict=True))


def _texts(corpus: Corpus, image_ids: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """A few texts of each image, one per source first."""
    texts: dict[str, list[dict[str, str]]] = {image_id: [] for image_id in image_ids}
    for path in corpus.signal_files():
        if all(len(found) >= _NUM_TEXTS for found in texts.values()):
            break
        table = pq.read_table(
            path, columns=["image_id", "source", "text"], filters=[("image_id", "in", list(texts))]
        )
        for row in table.to_pylist():
            found = texts[row["image_id"]]
            if len(found) < _NUM_TEXTS and row["source"] not in {item["source"] for item in found}:
                found.append({"source": row["source"], "text": _shorten(row["text"])})
    return texts


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS].rstrip()}…"
