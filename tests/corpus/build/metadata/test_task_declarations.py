"""`tasks.json`: what it declares is what is built, and what it cannot mean is refused with file and remedy."""

import json
import os

import pytest

from builders.pictures import make_picture, write_tar
from vitrail.contracts.corpus import QUARANTINE_SCHEMA
from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.store.tables import read_table
from vitrail.errors import CorpusError

SIZES = ("small", "medium", "large")
DECLARED = {
    "size": {"kind": "ordinal", "classes": list(SIZES)},
    "tags": {"kind": "multilabel", "separator": ";"},
    "product": {"kind": "retrieval"},
}
NUM_IMAGES = 24


def row_of(number):
    return {
        "file_name": f"{number:02d}.png",
        "size": SIZES[number % 3],
        "tags": ";".join(tag for tag in ("red", "old", "wet") if number % (len(tag)) != 1),
        "product": f"product {number // 4}",
        "title": "a thing",
        "label": "ab"[number % 2],
    }


def build(tmp_path, declared, rows=None, suffix="jsonl"):
    """A corpus of a folder of pictures; `declared` is the text of tasks.json or its value."""
    source = tmp_path / "set"
    source.mkdir()
    rows = [row_of(number) for number in range(NUM_IMAGES)] if rows is None else rows
    for number in range(len(rows)):
        (source / f"{number:02d}.png").write_bytes(make_picture(number))
    if suffix == "csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    (source / f"metadata.{suffix}").write_text("\n".join(lines))
    if declared is not None:
        (source / "tasks.json").write_text(declared if isinstance(declared, str) else json.dumps(declared))
    build_corpus(str(source), tmp_path / "corpus")
    check_corpus(tmp_path / "corpus")
    return open_corpus(tmp_path / "corpus")


def labels_of(corpus, task):
    found = {}
    for row in corpus.task_labels(task).to_pylist():
        found.setdefault(row["image_id"], []).append(row["label"])
    return found


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_declared_columns_make_the_declared_tasks(tmp_path, suffix):
    corpus = build(tmp_path, DECLARED, suffix=suffix)
    tasks = {task.name: task for task in corpus.manifest.tasks}
    assert {name: task.kind for name, task in tasks.items()} == {
        "label": "classification",
        "label_match": "retrieval",
        "product": "retrieval",
        "size": "ordinal",
        "tags": "multilabel",
    }
    assert tasks["size"].classes == SIZES  # not in alphabetical order
    assert tasks["tags"].classes == ("old", "red", "wet")
    assert tasks["product"].classes == ()
    for number in range(NUM_IMAGES):
        row = row_of(number)
        image_id = row["file_name"].removesuffix(".png")
        assert labels_of(corpus, "size")[image_id] == [row["size"]]
        assert labels_of(corpus, "tags").get(image_id, []) == [tag for tag in row["tags"].split(";") if tag]


def test_declared_columns_are_no_texts(tmp_path):
    corpus = build(tmp_path, DECLARED)
    tables = [path.read_bytes() for path in corpus.signal_files()]
    assert all(b"medium" not in table and b"product 1" not in table for table in tables)
    assert corpus.manifest.num_signals == NUM_IMAGES  # the titles


def test_lists_make_several_labels_and_an_empty_one_none(tmp_path):
    cells = [["red", " red ", "old"], "red", [], None, ["n/a", "old"]]
    rows = [row_of(number) | {"tags": cells[number % 5]} for number in range(20)]
    corpus = build(tmp_path, {"tags": {"kind": "multilabel"}}, rows)
    found = labels_of(corpus, "tags")
    assert [found.get(f"{number:02d}") for number in range(5)] == [["red", "old"], ["red"], None, None, ["old"]]


def test_nothing_declared_changes_nothing(tmp_path):
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    with_file = build(tmp_path / "with", {}).manifest
    assert with_file.digest == build(tmp_path / "without", None).manifest.digest


def test_a_label_column_can_be_declared_under_its_task(tmp_path):
    rows = [row_of(number) | {"size_label": SIZES[number % 3]} for number in range(12)]
    for row in rows:
        del row["size"]
    corpus = build(tmp_path, {"size": DECLARED["size"]}, rows)
    assert [task.name for task in corpus.manifest.tasks] == ["label", "label_match", "size"]


def test_tars_take_declarations_too(tmp_path):
    source = tmp_path / "set"
    members = {}
    for number in range(NUM_IMAGES):
        members[f"{number:02d}.png"] = make_picture(number)
        members[f"{number:02d}.json"] = json.dumps(row_of(number) | {"tags": ["red", "old"]}).encode()
    write_tar(source / "00000.tar", members)
    (source / "tasks.json").write_text(json.dumps({name: DECLARED[name] for name in ("size", "tags")}))
    build_corpus(str(source), tmp_path / "corpus")
    check_corpus(tmp_path / "corpus")
    kinds = {task.name: task.kind for task in open_corpus(tmp_path / "corpus").manifest.tasks}
    assert (kinds["size"], kinds["tags"]) == ("ordinal", "multilabel")


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("{", "tasks.json cannot be read: not JSON"),
        ("[]", "tasks.json cannot be read: not a JSON object"),
        ('{"size": {"kind": "retrieval"}, "size": {"kind": "retrieval"}}', "'size' is there twice"),
        ({"size": "ordinal"}, "task 'size'"),
        ({"size": {"kind": "ordinal", "klasses": []}}, "task 'size'.*klasses"),
        ({"size": {}}, "task 'size'.*kind"),
        ({"size": {"kind": "ordered"}}, "'ordered' is no task kind; there are classification, .*ordinal"),
        ({"size": {"kind": "ordinal"}}, "lists 2 classes or more, not 0"),
        ({"size": {"kind": "ordinal", "classes": ["small"]}}, "lists 2 classes or more, not 1"),
        ({"size": {"kind": "ordinal", "classes": ["small", "large", "small"]}}, "lists a class twice"),
        ({"size": {"kind": "ordinal", "classes": ["small", " large"]}}, "' large' is read as 'large'"),
        ({"size": {"kind": "ordinal", "classes": ["small", "none"]}}, "'none' means no value"),
        ({"product": {"kind": "retrieval", "classes": ["a", "b"]}}, "lists no classes"),
        ({"size": {"kind": "classification", "separator": ";"}}, "separator=';' is for a kind with several labels"),
        ({"tags": {"kind": "multilabel", "separator": " "}}, "separator=' ' is"),
        ({"sizes": {"kind": "retrieval"}}, "no column for task 'sizes' .columns: .*size.*; name the task"),
        ({"Size": {"kind": "retrieval"}}, "write 'size'"),
        ({"../size": {"kind": "retrieval"}}, "task name '../size'"),
        ({"embedding": {"kind": "retrieval"}}, "reserved"),
        ({"title": {"kind": "multilabel", "classes": ["a"]}}, "'a thing' is no class of task 'title' in tasks.json"),
        ({"file": {"kind": "multilabel"}}, "no column for task 'file'"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_left(tmp_path, declared, message):
    with pytest.raises(CorpusError, match=message):
        build(tmp_path, declared)
    assert not (tmp_path / "corpus").exists()


def test_a_column_with_too_few_labels_is_refused(tmp_path):
    rows = [row_of(number) | {"code": f"code {number}"} for number in range(NUM_IMAGES)]
    with pytest.raises(CorpusError, match="task 'code': its column has 24 labels, 0 of them on several images"):
        build(tmp_path, {"code": {"kind": "retrieval"}}, rows)


def test_a_value_that_is_no_class_is_quarantined_with_its_line(tmp_path):
    rows = [row_of(number) for number in range(NUM_IMAGES)]
    rows[5]["size"] = "huge"
    corpus = build(tmp_path, DECLARED, rows)
    assert "05" not in labels_of(corpus, "size")
    [row] = read_table(corpus.path / "quarantine.parquet", QUARANTINE_SCHEMA, "").to_pylist()
    assert "line 6" in row["reason"]
    assert "'huge' is no class of task 'size' in tasks.json (small, medium, large)" in row["reason"]


@pytest.mark.parametrize("label", ["a\0", "['a']", "  ", "nan"])
def test_a_class_that_no_table_can_say_is_refused(tmp_path, label):
    declared = {"size": {"kind": "ordinal", "classes": ["small", label]}}
    with pytest.raises(CorpusError, match=r"tasks\.json, task 'size': class .*; correct tasks\.json"):
        build(tmp_path, declared)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_declarations_that_are_no_file_are_refused_at_once(tmp_path, picture, make):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(picture(1))
    make(photos / "tasks.json")
    with pytest.raises(CorpusError, match=r"tasks\.json is no file that can be read; put the declarations there"):
        build_corpus(str(photos), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()
