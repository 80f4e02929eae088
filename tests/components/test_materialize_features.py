"""Feature snapshots with the real Feast: point in time, online reads, relocation."""

import datetime
import hashlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from builders import REPOSITORY
from components.materialize_features.store import materialize
from serving.endpoint.online import OnlineFeatures
from vitrail.corpus import open_corpus
from vitrail.errors import LabelError

TIME = pa.timestamp("us", tz="UTC")
SECOND = datetime.timedelta(seconds=1)
LISTS = {
    "top_labels": pa.list_(pa.string()),
    "top_label_ids": pa.list_(pa.int64()),
    "top_scores": pa.list_(pa.float32()),
    "sources": pa.list_(pa.string()),
    "source_counts": pa.list_(pa.int64()),
}


def write_text_features(folder: Path, observed: dict[str, datetime.datetime]) -> Path:
    """Text features of the images in `observed`, as the step derive_labels writes them."""
    folder.mkdir()
    count = len(observed)
    columns = {
        "image_id": pa.array(list(observed)),
        "event_timestamp": pa.array(list(observed.values()), TIME),
        "top_labels": pa.array([["cat", "pet"]] * count, LISTS["top_labels"]),
        "top_label_ids": pa.array([[7, 9]] * count, LISTS["top_label_ids"]),
        "top_scores": pa.array([[0.5, 0.25]] * count, LISTS["top_scores"]),
        "sources": pa.array([["title"]] * count, LISTS["sources"]),
        "source_counts": pa.array([[2]] * count, LISTS["source_counts"]),
        "num_signals": pa.array(range(1, count + 1), pa.int64()),
        "language": pa.array(["en"] * count),
    }
    pq.write_table(pa.table(columns), folder / "image_features.parquet")
    statistics = {
        "label_id": pa.array([7, 9]),
        "event_timestamp": pa.array([max(observed.values())] * 2, TIME),
        "term": pa.array(["cat", "pet"]),
        "frequency": pa.array([5, 3]),
        "idf": pa.array([1.5, 2.0], pa.float32()),
        "band": pa.array(["head", "tail"]),
    }
    pq.write_table(pa.table(statistics), folder / "label_statistics.parquet")
    return folder


class World:
    """A corpus, text features of most of its images and the snapshot made of them."""

    def __init__(self, corpus: Path, folder: Path) -> None:
        self.corpus = corpus
        labels = open_corpus(corpus).task_labels("category")
        self.times = dict(zip(labels["image_id"].to_pylist(), labels["observed_at"].to_pylist(), strict=True))
        self.without_text, self.younger, self.same_time = list(self.times)[:3]
        observed = {name: time - SECOND for name, time in self.times.items() if name != self.without_text}
        observed[self.younger] = self.times[self.younger] + SECOND
        observed[self.same_time] = self.times[self.same_time]
        self.text_features = write_text_features(folder / "text", observed)
        self.snapshot = folder / "snapshot"
        self.digest = materialize(self.text_features, corpus, self.snapshot)


@pytest.fixture(scope="module")
def world(mini_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(mini_corpus, tmp_path_factory.mktemp("features"))


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_training_sets_keep_labels_in_order_with_types(world: World) -> None:
    corpus = open_corpus(world.corpus)
    for task in corpus.manifest.tasks:
        table = pq.read_table(world.snapshot / "training_sets" / f"{task.name}.parquet")
        labels = corpus.task_labels(task.name)
        assert table.select(["image_id", "label", "observed_at"]).equals(labels)
        for name, kind in LISTS.items():
            assert pa.types.is_list(table.schema.field(name).type)
            assert table.schema.field(name).type.value_type == kind.value_type


def test_label_older_than_the_text_gets_null(world: World) -> None:
    table = pq.read_table(world.snapshot / "training_sets" / "category.parquet")
    rows = {row["image_id"]: row for row in table.to_pylist()}
    for image_id in (world.younger, world.without_text):
        assert rows[image_id]["top_labels"] is None
        assert rows[image_id]["num_signals"] is None
    assert rows[world.same_time]["top_labels"] == ["cat", "pet"]
    assert pc.sum(pc.is_null(table["top_labels"])).as_py() == 2


def test_online_reads_give_the_latest_features(world: World) -> None:
    store = OnlineFeatures(world.snapshot)
    known, unknown = store.read([world.younger, world.without_text])
    assert unknown is None
    assert known is not None
    assert known["top_labels"] == ["cat", "pet"]
    assert known["top_scores"] == [0.5, 0.25]
    assert store.read([]) == []


def test_every_image_is_online(world: World) -> None:
    images = pq.read_table(world.text_features / "image_features.parquet")
    names = images["image_id"].to_pylist()
    rows = OnlineFeatures(world.snapshot).read(names)
    assert [row["num_signals"] for row in rows if row] == images["num_signals"].to_pylist()


def test_copy_elsewhere_works_and_reading_changes_nothing(world: World, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(world.snapshot, tmp_path / "elsewhere"))
    before = digests(copy)
    assert str(world.snapshot.parent).encode() not in (copy / "registry.db").read_bytes()
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert OnlineFeatures(copy).read([world.same_time])[0] is not None
        assert digests(copy) == before
    finally:
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    with sqlite3.connect(f"file:{copy / 'online_store.db'}?mode=ro&immutable=1", uri=True) as connection:
        (count,) = connection.execute("SELECT count(DISTINCT entity_key) FROM vitrail_label_statistics").fetchone()
    assert count == 2


def test_digest_depends_on_content_alone(world: World, tmp_path: Path) -> None:
    assert materialize(world.text_features, world.corpus, tmp_path / "again") == world.digest
    path = Path(shutil.copytree(world.text_features, tmp_path / "other")) / "image_features.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("language")
    pq.write_table(table.set_column(place, "language", pa.array(["fr"] * len(table))), path)
    assert materialize(tmp_path / "other", world.corpus, tmp_path / "changed") != world.digest


@pytest.mark.parametrize("damage", ["missing file", "missing column", "no rows"])
def test_bad_text_features_are_named_and_nothing_appears(world: World, tmp_path: Path, damage: str) -> None:
    folder = Path(shutil.copytree(world.text_features, tmp_path / "text"))
    path = folder / "image_features.parquet"
    table = pq.read_table(path)
    if damage == "missing file":
        path.unlink()
    elif damage == "missing column":
        pq.write_table(table.drop_columns("language"), path)
    else:
        pq.write_table(table.slice(0, 0), path)
    with pytest.raises(LabelError, match=r"image_features\.parquet"):
        materialize(folder, world.corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_feast_apply_works_by_hand_before_any_run(tmp_path: Path) -> None:
    repository = tmp_path / "repository" / "features"
    ignore = shutil.ignore_patterns("__pycache__", "*.db")
    shutil.copytree(REPOSITORY / "features", repository, symlinks=True, ignore=ignore)
    feast = Path(sys.executable).with_name("feast")
    done = subprocess.run(
        [feast, "-c", "features", "apply"], cwd=repository.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "feature service text_features" in done.stdout
    assert (repository / "registry.db").exists()
