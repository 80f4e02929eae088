import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from vitrail.contracts.codec import load, save
from vitrail.contracts.files import digest_file
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.reader.balance import Balance, balance_weights, head_threshold, replication
from vitrail.corpus.reader.selection import Selection, shard_starts
from vitrail.corpus.reader.targets import ListTargets, SidecarTargets, TableTargets
from vitrail.corpus.store.tables import read_table, table_of, write_table
from vitrail.errors import ConfigError, LabelError

LABELS = [101, 7, 55]  # label_id of head outputs 0, 1, 2


def labels_of(row: int) -> list[int]:
    return LABELS[: row % 4] if row else [7]


def write_labels(corpus: Corpus, out: Path) -> Path:
    rows = [
        {"label_id": label, "term": str(label), "members": [], "language": "en", "band": "head"} for label in LABELS
    ]
    write_table(out / "vocabulary.parquet", table_of(rows, VOCABULARY_SCHEMA), VOCABULARY_SCHEMA)
    start = 0
    for shard in corpus.manifest.shards:
        ids = corpus.shard_index(shard.name)["image_id"].to_pylist()
        sidecar = [
            {"image_id": image_id, "label_ids": labels, "scores": [1 / (1 + k) for k in range(len(labels))]}
            for image_id, labels in ((image_id, labels_of(start + at)) for at, image_id in enumerate(ids))
        ]
        write_table(out / "shards" / f"{shard.name}.parquet", table_of(sidecar, SIDECAR_SCHEMA), SIDECAR_SCHEMA)
        start += shard.num_images
    manifest = LabelSetManifest(
        corpus_digest=corpus.manifest.digest,
        config_digest="c",
        digest="d",
        shards=tuple(shard.name for shard in corpus.manifest.shards),
        num_labels=3,
        num_images_labelled=0,
        num_images=start,
        num_signals=0,
        num_signals_skipped={},
        sidecar_digests={
            shard.name: digest_file(out / "shards" / f"{shard.name}.parquet") for shard in corpus.manifest.shards
        },
    )
    save(out / "labels.json", manifest)
    return out


def without_digests(labels: Path) -> None:
    manifest = load(LabelSetManifest, labels / "labels.json")
    save(labels / "labels.json", dataclasses.replace(manifest, sidecar_digests={}))


@pytest.fixture(scope="session")
def tiny_labels(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_labels(tiny_corpus, tmp_path_factory.mktemp("labels"))


def ids_of(corpus: Corpus, shard: str) -> pa.Array:
    return corpus.shard_index(shard)["image_id"].combine_chunks()


def test_sidecar_rows_become_head_outputs_and_scores(tiny_corpus: Corpus, tiny_labels: Path) -> None:
    targets = SidecarTargets(tiny_labels, task="annotations", max_labels=2)
    targets.check(tiny_corpus.manifest)
    found = targets.lookup("00000", ids_of(tiny_corpus, "00000"), np.array([0, 3, 4, 5]))
    assert found["annotations"].tolist() == [[1, -1], [0, 1], [-1, -1], [0, -1]]
    assert found["annotations/weights"].tolist() == [[1.0, 0.0], [1.0, 0.5], [0.0, 0.0], [1.0, 0.0]]
    has_label = targets.has_label("00000", ids_of(tiny_corpus, "00000"), np.array([0, 3, 4, 5]))
    assert has_label.tolist() == [True, True, False, True]
    assert targets.unlabelled(3)["annotations"].tolist() == [[-1, -1]] * 3


def test_readers_take_as_many_labels_as_the_label_set_says(
    tiny_corpus: Corpus, tiny_labels: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_labels, tmp_path / "labels")
    manifest = load(LabelSetManifest, folder / "labels.json")
    save(folder / "labels.json", dataclasses.replace(manifest, max_labels=3))
    found = SidecarTargets(folder).lookup("00000", ids_of(tiny_corpus, "00000"), np.array([3, 0]))
    assert found["annotations"].tolist() == [[0, 1, 2], [1, -1, -1]]
    text = (folder / "labels.json").read_text()
    (folder / "labels.json").write_text(text.replace('"max_labels": 3', '"max_labels": 0'))
    with pytest.raises(LabelError, match="max_labels=0: readers take at least 1 label"):
        SidecarTargets(folder)


def test_labels_of_another_corpus_are_refused(other_corpus: Corpus, tiny_labels: Path) -> None:
    with pytest.raises(LabelError, match=r"derived from corpus .* not"):
        SidecarTargets(tiny_labels).check(other_corpus.manifest)


def test_the_sidecar_of_another_tar_is_refused(tiny_corpus: Corpus, tiny_labels: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_labels, tmp_path / "labels")
    shutil.copy(folder / "shards" / "00002.parquet", folder / "shards" / "00000.parquet")
    without_digests(folder)
    with pytest.raises(
        LabelError,
        match=r"00000\.parquet is not the sidecar of shard 00000: row 0 .*image 'tiny-0021', and .*'tiny-0000'",
    ):
        SidecarTargets(folder).lookup("00000", ids_of(tiny_corpus, "00000"), np.array([0]))


def test_a_label_that_is_not_in_the_vocabulary_is_refused(
    tiny_corpus: Corpus, tiny_labels: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_labels, tmp_path / "labels")
    only = table_of([{"label_id": 7, "term": "7", "members": []}], VOCABULARY_SCHEMA)
    write_table(folder / "vocabulary.parquet", only, VOCABULARY_SCHEMA)
    with pytest.raises(LabelError, match=r"00000\.parquet: image tiny-0001 has label 101, which is not in vocabulary"):
        SidecarTargets(folder).lookup("00000", ids_of(tiny_corpus, "00000"), np.array([0]))


def test_a_sidecar_of_another_derivation_is_refused(tiny_corpus: Corpus, tiny_labels: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_labels, tmp_path / "labels")
    path = folder / "shards" / "00002.parquet"
    table = read_table(path, SIDECAR_SCHEMA, "")
    scores = [[score / 2 for score in row] for row in table["scores"].to_pylist()]
    other = table.set_column(2, SIDECAR_SCHEMA.field("scores"), pa.array(scores, pa.list_(pa.float32())))
    write_table(path, other, SIDECAR_SCHEMA)
    with pytest.raises(LabelError, match=r"00002\.parquet is not the sidecar of shard 00002 in this label set"):
        SidecarTargets(folder).lookup("00002", ids_of(tiny_corpus, "00002"), np.array([0]))


def test_tables_give_class_indices() -> None:
    table = pa.table({"image_id": ["a", "b", "c"], "label": ["dog", "cat", "dog"]})
    targets = TableTargets.from_table("animal", table)
    ids = pa.array(["b", "x", "a"])
    assert targets.classes == ("cat", "dog")
    assert targets.lookup("0", ids, np.array([0, 1, 2]))["animal"].tolist() == [0, -1, 1]
    assert targets.has_label("0", ids, np.array([2, 1])).tolist() == [True, False]
    assert TableTargets.from_table("animal", table, ("dog", "cat")).classes == ("dog", "cat")


def test_a_label_outside_the_classes_and_a_second_label_are_refused() -> None:
    with pytest.raises(LabelError, match="not a class"):
        TableTargets("animal", ["a"], ["cow"], ["dog"])
    with pytest.raises(LabelError, match="two labels"):
        TableTargets("animal", ["a", "a"], ["cow", "dog"], ["cow", "dog"])


def test_lists_in_memory_are_padded_too() -> None:
    targets = ListTargets("annotations", {"a": ([4, 2], [0.9, 0.1]), "b": ([], [])}, max_labels=3)
    ids = pa.array(["x", "a", "b"])
    found = targets.lookup("0", ids, np.array([0, 1, 2]))
    assert found["annotations"].tolist() == [[-1] * 3, [4, 2, -1], [-1] * 3]
    assert torch.allclose(found["annotations/weights"][1], torch.tensor([0.9, 0.1, 0.0]))
    assert targets.has_label("0", ids, np.array([0, 1, 2])).tolist() == [False, True, False]
    with pytest.raises(LabelError, match="one score for each"):
        ListTargets("annotations", {"a": ([4, 2], [0.9])})


def test_replication_follows_mahajan() -> None:
    frequencies = np.array([0.25, 0.01, 0.0001, 0.0])
    assert replication(frequencies, 0.01, "natural").tolist() == [1, 1, 1, 1]
    assert replication(frequencies, 0.01, "square_root").tolist() == pytest.approx([1, 1, 10, 1])
    assert replication(frequencies, 0.01, "uniform").tolist() == pytest.approx([1, 1, 100, 1])
    with pytest.raises(ConfigError, match="threshold"):
        replication(np.array([0.1]), 0.0, "uniform")


def test_head_ends_where_half_of_the_pairs_are() -> None:
    assert head_threshold(np.array([0.1, 0.5, 0.2, 0.2])) == 0.5
    assert head_threshold(np.array([0.1, 0.2, 0.3])) == 0.3
    assert head_threshold(np.zeros(3)) == 1


@pytest.mark.parametrize(("balance", "power"), [("natural", 0), ("square_root", 0.5), ("uniform", 1)])
@pytest.mark.parametrize("own", [np.arange(53), np.arange(1, 53, 2)])
def test_an_image_takes_the_largest_replication_of_its_labels(
    tiny_corpus: Corpus, tiny_labels: Path, own: np.ndarray, balance: Balance, power: float
) -> None:
    selection = Selection.of_rows(shard_starts(shard.num_images for shard in tiny_corpus.manifest.shards), own)
    parts = balance_weights(tiny_corpus, SidecarTargets(tiny_labels), balance, threshold=0.9, selection=selection)
    weights = np.concatenate(list(parts))
    counts = {label: sum(label in labels_of(row) for row in own) for label in LABELS}
    for weight, row in zip(weights, own, strict=True):
        due = [max(1.0, (0.9 * len(own) / counts[label]) ** power) for label in labels_of(row)]
        assert weight == pytest.approx(max([1.0, *due]))
