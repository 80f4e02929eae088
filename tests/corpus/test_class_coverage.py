"""Classes that cannot be learned or measured are said at the end of a build and by the check."""

import json

import pyarrow as pa
import pytest

from vitrail.contracts.corpus import SPLITS_SCHEMA, TASK_SCHEMA, TaskInfo
from vitrail.corpus import build_corpus, check_corpus
from vitrail.corpus.class_coverage import cover_classes


def cover(*pairs):
    """The coverage of images with these (label, split), `None` for an image without a label."""
    names = [f"image-{number}" for number in range(len(pairs))]
    splits = [{"image_id": name, "group": name, "split": split} for name, (_, split) in zip(names, pairs, strict=True)]
    labels = [{"image_id": name, "label": label} for name, (label, _) in zip(names, pairs, strict=True) if label]
    classes = tuple(sorted({label for label, _ in pairs if label}))
    task = TaskInfo(name="kind", kind="classification", description="", classes=classes)
    tables = pa.Table.from_pylist(labels, TASK_SCHEMA), pa.Table.from_pylist(splits, SPLITS_SCHEMA)
    return cover_classes(task, *tables)


def test_classes_in_train_and_test_need_no_word():
    assert cover(("a", "train"), ("b", "train"), ("a", "test"), ("b", "test"), ("b", "val")).warnings() == []


def test_what_a_class_lacks():
    coverage = cover(("a", "train"), ("a", "test"), ("b", "test"), ("c", "train"), ("d", "val"), (None, "train"))
    assert coverage.unlearned == ("b", "d")
    assert coverage.untested == ("c", "d")
    assert coverage.warnings() == [
        "task 'kind': 2 of 4 classes ('b', 'd') have no image in train, so a model never answers with them",
        "task 'kind': 2 of 4 classes ('c', 'd') have no image in test, so nothing is measured of them",
    ]


def test_one_class_only():
    assert "has one class only" in cover(("a", "train"), ("a", "test")).warnings()[0]


@pytest.mark.parametrize("only", ["val", "test"])
def test_a_class_that_is_never_trained_is_said_by_build_and_check(tmp_path, picture, caplog, only):
    (tmp_path / "set").mkdir()
    rows = []
    for number in range(24):
        (tmp_path / "set" / f"{number}.png").write_bytes(picture(number))
        label = "abc"[number % 3]
        split = only if label == "c" else ["train", "test"][number // 3 % 2]
        rows.append({"file_name": f"{number}.png", "label": label, "split": split})
    (tmp_path / "set" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sentence = "task 'label': 1 of 3 classes ('c') have no image in train"
    build_corpus(str(tmp_path / "set"), tmp_path / "out")
    assert caplog.text.count(sentence) == 1
    caplog.clear()
    check_corpus(tmp_path / "out")
    assert caplog.text.count(sentence) == 1


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            ["cat"] * 6,
            "column 'label' gives no task, which takes two classes: it has 1 label ('cat') on several images",
        ),
        (["cat"] * 5 + ["dog"], "it has 1 label ('cat') on several images and 1 label ('dog') on one image each"),
        (list("abcdef"), "it has 6 labels ('a', 'b', 'c', ...) on one image each"),
        (
            ["a", "a", "b", "b", "c", "d"],
            "labels of one image only are left out: it has 2 labels ('a', 'b') on several",
        ),
    ],
)
def test_labels_that_make_no_class_are_said(tmp_path, picture, caplog, labels, said):
    for number, label in enumerate(labels):
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / label / f"{number}.png").write_bytes(picture(number))
    build_corpus(str(tmp_path / "set"), tmp_path / "out")
    assert said in caplog.text
