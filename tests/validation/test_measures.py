"""What is counted for each kind of damage, and which rows are named. No suite is run here."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.damage import change_first, replace_column, truncate_first_image, write_invalid_utf8
from vitrail.contracts.codec import load
from vitrail.contracts.labels import LabelSetManifest
from vitrail.corpus import open_corpus
from vitrail.validation import ValidationConfig
from vitrail.validation.findings import Findings
from vitrail.validation.measures import Measures, measure

INFORMATIVE = {"num_rows", "labelled_share", "num_classes", "classes_without_test"}


def measured(corpus: Path, labels: Path, **config: Any) -> Measures:
    manifest = load(LabelSetManifest, labels / "labels.json")
    return measure(open_corpus(corpus), labels, manifest, ValidationConfig(**{"sample_images": 20} | config))


def problems(findings: list[Findings]) -> dict[str, tuple[str, ...] | str]:
    """Everything that was counted or went wrong, as `file: measure`, with the rows it was found in."""
    found: dict[str, tuple[str, ...] | str] = {}
    for finding in findings:
        if finding.problem:
            found[finding.file] = finding.problem
        for name, value in finding.values.items():
            if value and name not in INFORMATIVE:
                found[f"{finding.file}: {name}"] = finding.examples.get(name, ())
    return found


def test_nothing_is_found_in_a_sound_corpus(mini_corpus: Path, mini_labels: Path) -> None:
    measures = measured(mini_corpus, mini_labels)
    assert problems(measures.signals.findings) == {}
    assert problems(measures.labels.sidecars) == {}
    assert problems(measures.labels.vocabulary) == {}
    assert problems(measures.joins) == {}
    assert set(measures.images["problem"].to_pylist()) == {None}
    assert measures.images["contrast"].null_count == 0


def test_samples_are_bounded_and_seeded(mini_corpus: Path, mini_labels: Path) -> None:
    first, again = (measured(mini_corpus, mini_labels, sample_signals=50) for _ in range(2))
    other = measured(mini_corpus, mini_labels, sample_signals=50, seed=1)
    assert len(first.signals.sample()) == 50
    assert len(first.images) == 20
    assert first.signals.sample().equals(again.signals.sample())
    assert first.images.equals(again.images)
    assert not first.images.equals(other.images)


@pytest.mark.parametrize(
    ("column", "value", "counted"),
    [
        ("image_id", "nobody", "orphans"),
        ("weight", -1.0, "bad_weights"),
        ("weight", float("nan"), "bad_weights"),
        ("weight", float("inf"), "bad_weights"),
        ("weight", None, "null_weight"),
        ("text", None, "null_text"),
        ("observed_at", None, "null_observed_at"),
        ("source", None, "null_source"),
    ],
)
def test_damaged_signals(corpus: Path, labels: Path, column: str, value: Any, counted: str) -> None:
    image_id = change_first(corpus / "signals" / "00000.parquet", column, value)
    row = value if column == "image_id" else image_id
    found = problems(measured(corpus, labels).signals.findings)
    assert found == {f"signals/00000.parquet: {counted}": (row,)}


def test_a_text_without_image_is_named_by_its_post(corpus: Path, labels: Path) -> None:
    path = corpus / "signals" / "00000.parquet"
    change_first(path, "image_id", None)
    post_id = pq.read_table(path)["post_id"][0].as_py()
    found = problems(measured(corpus, labels).signals.findings)
    assert found == {"signals/00000.parquet: null_image_id": (post_id,)}


def test_text_that_is_not_utf8(corpus: Path, labels: Path) -> None:
    image_id = write_invalid_utf8(corpus / "signals" / "00000.parquet", 3)
    found = problems(measured(corpus, labels).signals.findings)
    assert found == {"signals/00000.parquet: not_utf8": (image_id,)}


def test_empty_texts(corpus: Path, labels: Path) -> None:
    change_first(corpus / "signals" / "00000.parquet", "text", " \u00a0\t")
    found = problems(measured(corpus, labels).signals.findings)
    assert set(found) == {"signals/00000.parquet: empty_texts", "signals/00000.parquet: empty_share"}


@pytest.mark.parametrize("damage", ["no column", "another type", "not Parquet"])
def test_signal_files_that_cannot_be_read(corpus: Path, labels: Path, damage: str) -> None:
    path = corpus / "signals" / "00001.parquet"
    table = pq.read_table(path)
    if damage == "no column":
        pq.write_table(table.drop_columns("weight"), path)
    elif damage == "another type":
        replace_column(path, "text", table["text"].cast(pa.binary()))
    else:
        path.write_bytes(b"PAR1 but no more")
    (found,) = problems(measured(corpus, labels).signals.findings).items()
    expected = {
        "no column": "signals/00001.parquet has no column 'weight'",
        "another type": "signals/00001.parquet: column 'text' is binary, not string",
        "not Parquet": "signals/00001.parquet is not a readable Parquet file",
    }[damage]
    assert found[0] == "signals/00001.parquet"
    assert found[1].startswith(expected)


@pytest.mark.parametrize("score", [-0.1, 1.5, float("nan"), None])
def test_scores_out_of_range(corpus: Path, labels: Path, score: float | None) -> None:
    path = labels / "shards" / "00000.parquet"
    table = pq.read_table(path)
    scores = table["scores"].to_pylist()
    row = next(row for row, values in enumerate(scores) if len(values) > 1)
    scores[row][-1] = score
    replace_column(path, "scores", scores)
    found = problems(measured(corpus, labels).labels.sidecars)
    assert found["shards/00000.parquet: bad_scores"] == (table["image_id"][row].as_py(),)


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (lambda ids, scores: (ids, scores[:-1]), "unpaired_scores"),
        (lambda ids, scores: (ids, scores[::-1]), "unsorted_scores"),
        (lambda ids, scores: ([*ids[:-1], -7], scores), "unknown_labels"),
        (lambda ids, scores: ([*ids[:-1], ids[0]], scores), "repeated_labels"),
    ],
)
def test_labels_that_do_not_fit(corpus: Path, labels: Path, change: Any, counted: str) -> None:
    path = labels / "shards" / "00000.parquet"
    table = pq.read_table(path)
    ids, scores = table["label_ids"].to_pylist(), table["scores"].to_pylist()
    row = next(row for row, values in enumerate(scores) if len(values) > 1 and values[0] > values[-1])
    ids[row], scores[row] = change(ids[row], scores[row])
    replace_column(path, "label_ids", ids)
    replace_column(path, "scores", scores)
    found = problems(measured(corpus, labels).labels.sidecars)
    assert found == {f"shards/00000.parquet: {counted}": (table["image_id"][row].as_py(),)}


def test_sidecars_that_were_swapped_or_lost(corpus: Path, labels: Path) -> None:
    first, second, third = (labels / "shards" / f"0000{number}.parquet" for number in range(3))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    third.unlink()
    found = problems(measured(corpus, labels).labels.sidecars)
    assert found["shards/00000.parquet: misplaced_rows"]
    assert found["shards/00001.parquet: misplaced_rows"]
    assert str(found["shards/00002.parquet"]).startswith("shards/00002.parquet does not exist")


def test_vocabulary_of_other_labels(corpus: Path, labels: Path) -> None:
    path = labels / "vocabulary.parquet"
    table = pq.read_table(path)
    replace_column(path, "label_id", [*table["label_id"].to_pylist()[1:], table["label_id"][1].as_py()])
    replace_column(path, "band", ["middle", *table["band"].to_pylist()[1:]])
    replace_column(path, "idf", [float("nan"), *table["idf"].to_pylist()[1:]])
    measures = measured(corpus, labels)
    found = problems(measures.labels.vocabulary)
    named = {name.removeprefix("vocabulary.parquet: ") for name in found}
    assert named == {"repeated_ids", "bad_frequencies", "bad_idf", "unknown_bands"}
    assert any("unknown_labels" in name for name in problems(measures.labels.sidecars))


def test_straddling_group(corpus: Path, labels: Path) -> None:
    path = corpus / "splits.parquet"
    table = pq.read_table(path)
    groups, splits = table["group"].to_pylist(), table["split"].to_pylist()
    row = next(row for row, group in enumerate(groups) if groups.count(group) > 1)
    splits[row] = "val" if splits[row] != "val" else "train"
    replace_column(path, "split", splits)
    found = problems(measured(corpus, labels).joins)
    members = found["splits.parquet: straddling_groups"]
    assert {groups[table["image_id"].to_pylist().index(name)] for name in members} == {groups[row]}


def test_picture_in_two_splits_unknown_split_and_order(corpus: Path, labels: Path) -> None:
    path = corpus / "splits.parquet"
    splits = pq.read_table(path)["split"].to_pylist()
    train, test = splits.index("train"), splits.index("test")
    names = pq.read_table(path)["image_id"].to_pylist()
    for shard in sorted((corpus / "index").glob("*.parquet")):
        table = pq.read_table(shard)
        same = [
            "0" * 64 if name in (names[train], names[test]) else digest
            for name, digest in zip(table["image_id"].to_pylist(), table["digest"].to_pylist(), strict=True)
        ]
        replace_column(shard, "digest", same)
    assert set(problems(measured(corpus, labels).joins)["splits.parquet: shared_images"]) == {
        names[train],
        names[test],
    }
    change_first(path, "split", "holdout")
    replace_column(path, "image_id", [names[1], names[0], *names[2:]])
    found = problems(measured(corpus, labels).joins)
    assert found["splits.parquet: unknown_splits"] == (names[1],)
    assert found["splits.parquet: misplaced_rows"] == (names[1], names[0])


@pytest.mark.parametrize(
    ("column", "value", "counted"),
    [
        ("image_id", "nobody", "orphans"),
        ("label", "green", "unknown_classes"),
        ("label", None, "null_labels"),
        ("observed_at", None, "null_times"),
    ],
)
def test_damaged_task_labels(corpus: Path, labels: Path, column: str, value: Any, counted: str) -> None:
    image_id = change_first(corpus / "tasks" / "skin_tone.parquet", column, value)
    found = problems(measured(corpus, labels).joins)
    assert found == {f"tasks/skin_tone.parquet: {counted}": (value if column == "image_id" else image_id,)}


def test_a_class_that_is_in_test_only(corpus: Path, labels: Path) -> None:
    rows = pq.read_table(corpus / "tasks" / "category.parquet").to_pylist()
    alone = rows[0]["label"]
    members = {row["image_id"] for row in rows if row["label"] == alone}
    path = corpus / "splits.parquet"
    splits = pq.read_table(path).to_pylist()
    replace_column(path, "split", ["test" if row["image_id"] in members else row["split"] for row in splits])
    found = problems(measured(corpus, labels).joins)
    assert found["tasks/category.parquet: classes_without_train"] == (alone,)


def test_truncated_image_and_lost_tar(corpus: Path, labels: Path) -> None:
    image_id = truncate_first_image(corpus)
    (corpus / "shards" / "00001.tar").unlink()
    images = measured(corpus, labels, sample_images=10**6).images.to_pylist()
    reasons = {row["image_id"]: row["problem"] for row in images if row["problem"]}
    assert reasons.pop(image_id)
    assert len(reasons) == len(pq.read_table(corpus / "index" / "00001.parquet"))
    assert all("00001.tar" in reason for reason in reasons.values())


def test_image_that_is_not_the_indexed_one(corpus: Path, labels: Path) -> None:
    path = corpus / "index" / "00000.parquet"
    image_id = change_first(path, "digest", "0" * 64)
    images = measured(corpus, labels, sample_images=10**6).images.to_pylist()
    (problem,) = [row["problem"] for row in images if row["problem"]]
    assert "SHA-256" in problem
    assert image_id in {row["image_id"] for row in images if row["problem"]}
