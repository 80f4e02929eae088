"""How well labels tell images apart, in numbers that can be counted by hand."""

import dataclasses
import math
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.contracts.codec import save
from vitrail.contracts.labels import SIDECAR_SCHEMA, VOCABULARY_SCHEMA, LabelSetManifest
from vitrail.errors import LabelError
from vitrail.labels import measure_coverage, open_labels

NUM_IMAGES = 1000


def write_labels(folder, images, shards=2, num_images=NUM_IMAGES):
    """A label set of these labels by image; the others have none."""
    frequency = Counter(label for own in images for label in own)
    rows = [
        {
            "label_id": 70 + label,
            "term": f"label {label}",
            "members": [f"label {label}"],
            "language": "en",
            "frequency": count,
            "idf": math.log(num_images / count),
            "band": "head",
        }
        for label, count in frequency.items()
    ]
    (folder / "shards").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=VOCABULARY_SCHEMA), folder / "vocabulary.parquet")
    whole = [*images, *[()] * (num_images - len(images))]
    share = -(-num_images // shards)
    for shard in range(shards):
        part = whole[shard * share : (shard + 1) * share]
        sidecar = [
            {"image_id": str(row), "label_ids": [70 + label for label in own], "scores": [0.5] * len(own)}
            for row, own in enumerate(part)
        ]
        pq.write_table(pa.Table.from_pylist(sidecar, schema=SIDECAR_SCHEMA), folder / "shards" / f"{shard}.parquet")
    manifest = LabelSetManifest(
        corpus_digest="c",
        config_digest="d",
        digest="e",
        shards=tuple(str(shard) for shard in range(shards)),
        num_labels=len(frequency),
        num_images_labelled=len(images),
        num_images=num_images,
        num_signals=num_images,
        num_signals_skipped={},
    )
    save(folder / "labels.json", manifest)
    return folder


# Label 0 is on 500 images, 1 on 50 (generic, just), 2 on 49, 3 on 10 (no longer specific), 4 on 9.
IMAGES = [(0,)] * 440 + [(0, 1)] * 50 + [(2,)] * 39 + [(2, 3)] * 10 + [(0, 4)] * 9 + [(0,)]


@pytest.mark.parametrize("shards", [1, 2, 10])
def test_images_are_counted_by_their_rarest_label(shards, tmp_path):
    coverage = measure_coverage(open_labels(write_labels(tmp_path / "labels", IMAGES, shards)))
    assert coverage.specific == pytest.approx(0.009)
    assert coverage.generic == pytest.approx(0.491)
    assert coverage.unlabelled == pytest.approx(0.451)
    assert coverage.rarest_labels == pytest.approx((0, 0.009, 0.049, 0.491))
    assert list(coverage.rarest_by_name) == ["less than 0.1%", "0.1% to 1%", "1% to 5%", "5% or more"]
    assert sum(coverage.rarest_labels) + coverage.unlabelled == pytest.approx(1)


def test_labels_per_image_and_their_entropy(tmp_path):
    coverage = measure_coverage(open_labels(write_labels(tmp_path / "labels", IMAGES)))
    assert coverage.images_by_num_labels == (451, 480, 69)
    assert coverage.num_labelled == 549
    names = ("none", "1", "2", "3 to 4", "5 to 8", "9 to 16", "17 or more")
    assert coverage.num_labels_by_name == dict(zip(names, (0.451, 0.48, 0.069, 0, 0, 0, 0), strict=True))
    assert coverage.labels_per_image == pytest.approx(0.618)
    alike = measure_coverage(open_labels(write_labels(tmp_path / "alike", [(label,) for label in range(8)])))
    assert (alike.entropy_bits, alike.effective_labels) == (3, 8)
    many = [tuple(range(number)) for number in (1, 2, 3, 4, 5, 8, 9, 16, 17, 30)]
    shares = measure_coverage(open_labels(write_labels(tmp_path / "many", many))).num_labels_by_name
    assert list(shares.values()) == [0.99, 0.001, 0.001, 0.002, 0.002, 0.002, 0.002]


def test_a_label_set_without_labels_covers_nothing(tmp_path):
    coverage = measure_coverage(open_labels(write_labels(tmp_path / "labels", [])))
    assert (coverage.unlabelled, coverage.specific, coverage.generic, coverage.entropy_bits) == (1, 0, 0, 0)


def test_a_label_outside_the_vocabulary_is_refused(tmp_path):
    labels = open_labels(write_labels(tmp_path / "labels", IMAGES))
    pq.write_table(labels.vocabulary().slice(1), labels.path / "vocabulary.parquet")
    with pytest.raises(LabelError, match=r"0\.parquet has label 70, which is not in vocabulary\.parquet"):
        measure_coverage(labels)


def test_a_derived_label_set_is_covered_as_its_manifest_says(mini_labels):
    labels = open_labels(mini_labels)
    coverage = measure_coverage(labels)
    assert coverage.num_labelled == labels.manifest.num_images_labelled
    pairs = sum(labels.vocabulary()["frequency"].to_pylist())
    assert coverage.labels_per_image == pytest.approx(pairs / labels.manifest.num_images)
    assert all(0 <= value <= 1 for value in dataclasses.astuple(coverage)[2])


@pytest.mark.parametrize(("num_images", "can_be_told"), [(100, False), (101, True)])
def test_few_images_cannot_tell_what_is_specific(tmp_path, num_images, can_be_told):
    """Of a hundred a label on a single one is on 1% of them, which is not fewer than 1%."""
    coverage = measure_coverage(open_labels(write_labels(tmp_path, [(0,)], num_images=num_images)))
    assert coverage.can_be_specific == can_be_told
    assert (coverage.specific > 0) == can_be_told
