"""validate_data on a real corpus: what it writes, what stops it, and what it names."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.damage import replace_column, truncate_first_image, write_invalid_utf8
from vitrail.contracts.codec import load, save
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.validation import Profile, ValidationReport
from vitrail.errors import ConfigError, DataValidationError, LabelError
from vitrail.validation import ValidationConfig, validate_data

CONFIG = ValidationConfig(sample_images=40, sample_signals=200)


@pytest.fixture(scope="module")
def clean(mini_corpus: Path, mini_labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What validate_data writes for the untouched corpus."""
    out = tmp_path_factory.mktemp("validation") / "out"
    validate_data(mini_corpus, mini_labels, out, CONFIG)
    return out


def test_sound_corpus_passes_and_everything_is_written(clean: Path) -> None:
    report = load(ValidationReport, clean / "validation.json")
    assert report.success
    assert report.failed("critical") == ()
    names = [result.suite for result in report.results]
    assert names == ["signals", "texts", "labels", "vocabulary", "joins", "images", "drift"]
    for name in names:
        suite = json.loads((clean / "suites" / f"{name}.json").read_text())
        assert {entry["severity"] for entry in suite["expectations"]} <= {"critical", "warning"}
        assert list((clean / "data_docs" / "validations" / name).rglob("*.html"))
    assert "sample of 40 of" in (clean / "data_docs" / "index.html").read_text()
    for page in (clean / "data_docs").rglob("*.html"):
        assert not re.search(r"<script|(src|<link[^>]*href)=\"https?:|url\('http", page.read_text()), page
    assert report.results[-1].note.startswith("no baseline")
    profile = load(Profile, clean / "profile.json")
    assert profile.num_images > 300
    for shares in profile.distributions.values():
        assert sum(shares.values()) == pytest.approx(1, abs=1e-6)


def test_same_inputs_give_the_same_id_and_no_drift(
    clean: Path, mini_corpus: Path, mini_labels: Path, tmp_path: Path
) -> None:
    first = load(ValidationReport, clean / "validation.json")
    assert validate_data(mini_corpus, mini_labels, tmp_path / "again", CONFIG) == first
    for name in ("profile.json", "suites/signals.json"):
        assert (clean / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    against = validate_data(mini_corpus, mini_labels, tmp_path / "against", CONFIG, baseline=clean)
    assert against.success
    assert against.results[-1].note.startswith("against the corpus")
    assert against.validation_id != first.validation_id


def test_every_kind_of_bad_input_is_named_in_one_run(corpus: Path, labels: Path, tmp_path: Path) -> None:
    damaged_text = write_invalid_utf8(corpus / "signals" / "00000.parquet", 3)
    path = corpus / "signals" / "00001.parquet"
    pq.write_table(pq.read_table(path).drop_columns("weight"), path)
    manifest = load(LabelSetManifest, labels / "labels.json")
    save(labels / "labels.json", dataclasses.replace(manifest, corpus_digest="f" * 64))
    sidecar = labels / "shards" / "00002.parquet"
    ids = pq.read_table(sidecar)["label_ids"].to_pylist()
    replace_column(sidecar, "label_ids", [[-1 - number for number in range(len(row))] for row in ids])
    truncated = truncate_first_image(corpus)
    config = dataclasses.replace(CONFIG, sample_images=10**6)

    with pytest.raises(DataValidationError) as error:
        validate_data(corpus, labels, tmp_path / "out", config)

    report = load(ValidationReport, tmp_path / "out" / "validation.json")
    assert not report.success
    assert (tmp_path / "out" / "data_docs" / "index.html").exists()
    found = {(suite, result.claim): result.failing for suite, result in report.failed("critical")}
    files = {key: [(place.file, place.rows) for place in places] for key, places in found.items()}
    assert files["signals", "every text is UTF-8"] == [("signals/00000.parquet", (damaged_text,))]
    assert files["joins", "the label set was derived from this corpus"][0][0] == "labels.json"
    (unknown,) = found["labels", "every label is in the vocabulary"]
    assert unknown.file == "shards/00002.parquet"
    assert len(unknown.rows) == config.num_examples
    assert files["images", "images decode and are those of the index"] == [("shards/00000.tar", (truncated,))]
    message = str(error.value)
    assert "signals/00001.parquet has no column 'weight'" in message
    assert f"column text: expected that every text is UTF-8; found signals/00000.parquet (1): {damaged_text}" in message
    assert str(tmp_path) not in message


def test_empty_texts_and_an_empty_task(corpus: Path, labels: Path, tmp_path: Path) -> None:
    path = corpus / "signals" / "00000.parquet"
    texts = pq.read_table(path)["text"].to_pylist()
    replace_column(path, "text", [" " if i % 5 == 0 else text for i, text in enumerate(texts)])
    report = validate_data(corpus, labels, tmp_path / "warned", CONFIG)
    assert report.success
    assert any("of a file are empty" in result.claim for _, result in report.failed("warning"))
    empty = corpus / "tasks" / "category.parquet"
    pq.write_table(pq.read_table(empty).slice(0, 0), empty)
    with pytest.raises(DataValidationError, match=r"not empty; found tasks/category\.parquet \(0\)"):
        validate_data(corpus, labels, tmp_path / "out", CONFIG)


def test_drift_stops_the_run_and_names_the_distribution(
    clean: Path, corpus: Path, labels: Path, tmp_path: Path
) -> None:
    for path in sorted((corpus / "signals").glob("*.parquet")):
        replace_column(path, "language", pa.array(["fr"] * len(pq.read_table(path)), pa.string()))
    with pytest.raises(DataValidationError, match=r"within 0\.5 of the last blessed run.*: language"):
        validate_data(corpus, labels, tmp_path / "drifted", CONFIG, baseline=clean)
    profile = dataclasses.replace(load(Profile, clean / "profile.json"), corpus="shoes")
    save(tmp_path / "baseline" / "profile.json", profile)
    report = validate_data(corpus, labels, tmp_path / "other", CONFIG, baseline=tmp_path / "baseline")
    assert report.results[-1].note == "no baseline: the last blessed run used the corpus shoes"


def test_without_a_label_set_or_profile_the_error_names_the_file(
    mini_corpus: Path, mini_labels: Path, tmp_path: Path
) -> None:
    with pytest.raises(LabelError, match=r"is not a label set \(no labels\.json\)"):
        validate_data(mini_corpus, tmp_path, tmp_path / "out", CONFIG)
    with pytest.raises(DataValidationError, match=r"is not a validation \(no profile\.json\)"):
        validate_data(mini_corpus, mini_labels, tmp_path / "out", CONFIG, baseline=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"mostly": 1.2}, {"sample_images": 0}, {"warning_drift": 0.9}, {"max_aspect": 0.5}])
def test_wrong_limits_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ValidationConfig(**wrong)
