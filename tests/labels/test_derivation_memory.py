"""What reads a whole label set or corpus holds one shard of it at a time."""

import tracemalloc
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.contracts.labels import SIDECAR_SCHEMA, VOTES_SCHEMA
from vitrail.labels import sample_pairs, source_support
from vitrail.labels.shards import scorer_training

ROWS = 4_000  # of a shard


class SameShards:
    """A label set of equal shards under other image ids; notes what is held when a shard is asked for."""

    def __init__(self, num_shards):
        self.manifest = SimpleNamespace(shards=tuple(f"{number:05}" for number in range(num_shards)))
        self.held = []

    def require_corpus(self, corpus):
        pass

    def vocabulary(self):
        return pa.table({"label_id": [0, 1], "term": ["kite", "sea"]})

    def votes(self, shard):
        self.held.append(pa.total_allocated_bytes())
        values = {
            "image_id": [f"{shard}-{row // 4}" for row in range(ROWS)],
            "label_id": [row // 2 % 2 for row in range(ROWS)],
            "term": ["kite"] * ROWS,
            "post_id": ["post"] * ROWS,
            "source": ["title" if row % 4 < 3 else "query" for row in range(ROWS)],
            "score": [0.5] * ROWS,
        }
        return pa.table(values, schema=VOTES_SCHEMA)

    def sidecar(self, shard):
        self.held.append(tracemalloc.get_traced_memory()[0])
        labels = [[[], [0], [0, 1], [1]][row % 4] for row in range(ROWS)]
        columns = [[f"{shard}-{row}" for row in range(ROWS)], labels, [[0.5] * len(some) for some in labels]]
        return pa.table(dict(zip(SIDECAR_SCHEMA.names, columns, strict=True)), schema=SIDECAR_SCHEMA)


def test_source_support_holds_no_votes_of_earlier_shards():
    labels = SameShards(6)
    support = {row["source"]: row for row in source_support(labels).to_pylist()}
    pairs = 6 * ROWS // 2  # each image has two labels; of the second one of two votes is of a query
    assert support["title"] == {
        "source": "title",
        "num_votes": 6 * ROWS * 3 // 4,
        "num_labels": pairs,
        "num_sole_labels": pairs // 2,
    }
    assert support["query"] == {
        "source": "query",
        "num_votes": 6 * ROWS // 4,
        "num_labels": pairs // 2,
        "num_sole_labels": 0,
    }
    assert labels.held[-1] - labels.held[1] < 100_000  # a shard leaves 300 kB and more when it is kept


def test_drawing_pairs_holds_no_rows_of_earlier_shards():
    corpus = SimpleNamespace(path="corpus", manifest=SimpleNamespace(digest="digest"))
    labels = SameShards(6)
    tracemalloc.start()
    pairs = sample_pairs(corpus, labels, 40)
    tracemalloc.stop()
    assert len({pair.image_id for pair in pairs}) == 40
    assert len({pair.image_id.partition("-")[0] for pair in pairs}) > 3  # of all shards, not the first ones
    assert {pair.image_id for pair in sample_pairs(corpus, labels, 10)} <= {pair.image_id for pair in pairs}
    assert labels.held[5] - labels.held[2] < 500_000  # a shard leaves 1 MB and more when it is kept


@pytest.mark.parametrize("asked", [[], ["image-7", "image-99999", "unknown"]])
def test_split_groups_are_held_for_the_judged_images_only(tmp_path, asked, monkeypatch):
    count, largest = 200_000, []
    table = pa.table(
        {
            "image_id": [f"image-{row}" for row in range(count)],
            "group": [f"group-{row // 2}" for row in range(count)],
        }
    )
    pq.write_table(table, tmp_path / "splits.parquet")
    is_in = scorer_training.pc.is_in
    monkeypatch.setattr(
        scorer_training.pc, "is_in", lambda ids, **more: (largest.append(len(ids)), is_in(ids, **more))[1]
    )
    groups = scorer_training._groups(tmp_path, pa.array(asked, pa.string()))
    assert groups == {name: f"group-{int(name[6:]) // 2}" for name in asked if name != "unknown"}
    assert max(largest) < count / 2
    assert not scorer_training._groups(tmp_path / "none", pa.array(asked, pa.string()))
