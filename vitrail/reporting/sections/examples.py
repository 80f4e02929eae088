"""Pictures with the words that came with them and the labels that were derived."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import read
from vitrail.contracts.labels import VOCABULARY_FILE, LabelSetManifest, sidecar_file
from vitrail.corpus.thumbnails import embed_pictures
from vitrail.reporting.artifacts import open_run_corpus
from vitrail.reporting.run import Run
from vitrail.reporting.texts import read_texts

__all__ = ["examples"]

_NUM_EXAMPLES = 12
_NUM_SHARDS = 4
_NUM_LABELS = 6
_NUM_TEXTS = 3


def examples(run: Run) -> dict[str, Any] | None:
    """Images drawn at random from a few shards; never chosen by how well their labels look."""
    folder, corpus = run.artifact("derive_labels"), open_run_corpus(run)
    if folder is None or corpus is None:
        return None
    drawn = _draw(folder)
    image_ids = [row["image_id"] for row in drawn]
    terms = _terms(folder)
    texts = read_texts(corpus, image_ids, _NUM_TEXTS)
    pictures = embed_pictures(corpus, image_ids)
    return {
        "images": [
            {
                "image_id": row["image_id"],
                "source": pictures.get(row["image_id"]),
                "labels": [
                    {"term": terms.get(label_id, str(label_id)), "score": round(score, 2)}
                    for label_id, score in list(zip(row["label_ids"], row["scores"], strict=True))[:_NUM_LABELS]
                ],
                "texts": texts.get(row["image_id"], []),
            }
            for row in drawn
        ]
    }


def _draw(folder: Path) -> list[dict[str, Any]]:
    shards = read(LabelSetManifest, folder).shards
    chosen = [shards[int(i)] for i in np.unique(np.linspace(0, len(shards) - 1, _NUM_SHARDS).astype(int))]
    generator = np.random.default_rng(0)
    table = pa.concat_tables([pq.read_table(folder / sidecar_file(shard)) for shard in chosen])
    rows = generator.choice(table.num_rows, size=min(_NUM_EXAMPLES, table.num_rows), replace=False)
    drawn: list[dict[str, Any]] = table.take(np.sort(rows)).to_pylist()
    return drawn


def _terms(folder: Path) -> dict[int, str]:
    table = pq.read_table(folder / VOCABULARY_FILE, columns=["label_id", "term"])
    return dict(zip(table["label_id"].to_pylist(), table["term"].to_pylist(), strict=True))
