"""Values of labels, groups and roles: what differs only for a computer is one, and what is nothing is nothing."""

import io
import json
import math
import os
import tarfile
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.item_columns import ItemColumns
from vitrail.corpus.build.items import signals_of
from vitrail.corpus.build.metadata.columns import UNKNOWN_TIME, MetadataReader, Place
from vitrail.corpus.build.metadata.label_values import plain_value
from vitrail.corpus.build.metadata.refusals import Refusals
from vitrail.corpus.build.metadata.role_values import role_value
from vitrail.corpus.build.metadata.split_words import split_word
from vitrail.corpus.build.metadata.task_declarations import TaskDeclarations
from vitrail.corpus.build.splitting import splits_of
from vitrail.errors import ConfigError, CorpusError

NOTHING_DECLARED = TaskDeclarations(Path("tasks.json"), {})


def read(record, refusals=None):
    return MetadataReader(refusals or Refusals(), NOTHING_DECLARED).read(
        record, Place("t.csv", "a.png", "t.csv, line 2")
    )


def build(tmp_path, picture, rows):
    (tmp_path / "set").mkdir()
    lines = []
    for number, row in enumerate(rows):
        (tmp_path / "set" / f"{number}.png").write_bytes(picture(number))
        lines.append(json.dumps({"file_name": f"{number}.png", **row}))
    (tmp_path / "set" / "metadata.jsonl").write_text("\n".join(lines))
    build_corpus(str(tmp_path / "set"), tmp_path / "out")
    check_corpus(tmp_path / "out")
    return open_corpus(tmp_path / "out")


@pytest.mark.parametrize(
    ("spellings", "plain"),
    [
        ([0, 0.0, -0.0, "0", "0.0", "0.000", " 0 ", "-0.0", Decimal("0.00")], "0"),
        ([3, 3.0, "3", "3.0", "+3.0", Decimal(3), "3\n"], "3"),
        ([-2, -2.0, "-2.0"], "-2"),
        ([1.5, "1.5", Decimal("1.50")], "1.5"),
        (["cat", " cat", "cat\u00a0", "\ufeffcat", "ca\u00adt", "cat\u200b"], "cat"),
        (["hot dog", "hot  dog", "hot\tdog", "hot\u00a0dog"], "hot dog"),
        (["caf\u00e9", "cafe\u0301"], "caf\u00e9"),
        ([True, "True"], "True"),
        ([2**60, str(2**60)], str(2**60)),
        ([date(2024, 5, 31), "2024-05-31"], "2024-05-31"),
    ],
)
def test_spellings_of_one_value(spellings, plain):
    assert {plain_value(value) for value in spellings} == {plain}


def test_what_differs_for_people_stays_apart():
    words = [
        "cat",
        "Cat",
        "cats",
        "007",
        "7",
        "1.10",
        "1.1",
        "0.5",
        "[x",
        "a (b, c)",
        "\U0001f469\u200d\U0001f680",
        "\U0001f469\U0001f680",
    ]
    assert len({plain_value(word) for word in words}) == len(words)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_plain_values_are_plain(text):
    try:
        plain = plain_value(text)
    except ValueError as error:
        assert "list" in str(error) or "NUL" in str(error)  # noqa: PT017
    else:
        assert plain == plain.strip() == plain_value(plain) == unicodedata.normalize("NFC", plain)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_number_it_is(number):
    assert float(plain_value(number)) == number
    assert ("." in plain_value(number)) or float(number).is_integer() or "e" in plain_value(number)


@pytest.mark.parametrize(
    "value",
    [
        ["cat", "dog"],
        ["cat"],
        [],
        ("a",),
        {"a": 1},
        "['cat', 'dog']",
        '["cat"]',
        "[1 2]",
        " [] ",
        '{"a": 1}',
        "('a', 'b')",
    ],
)
@pytest.mark.parametrize("column", ["label", "label_colour", "group", "domain"])
def test_lists_are_refused_in_clear_words(column, value):
    refusals = Refusals()
    assert read({column: value}, refusals) is None
    (row,) = refusals.table().to_pylist()
    assert row["reason"].startswith(f"t.csv, line 2, column '{column}': ")
    assert "is a list, and an image has one value here" in row["reason"]


@pytest.mark.parametrize("value", [b"cat", math.inf, -math.inf, Decimal("Infinity"), "a\0b", "\ud83d", object()])
def test_values_that_are_none(value):
    refusals = Refusals()
    assert read({"label": value}, refusals) is None
    assert len(refusals.table()) == 1


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "None", "null", "NULL", "N/A", "n/a", "NA", "#N/A", "<NA>", "NaT", "nil", "-", "?", " None "]
)
def test_words_for_nothing_are_missing_and_counted(caplog, word):
    reader = MetadataReader(Refusals(), NOTHING_DECLARED)
    place = Place("t.csv", "a.png", "t.csv, line 2")
    for _ in range(3):
        item = reader.read(dict.fromkeys(("label", "group", "split", "observed_at", "title"), word), place)
        assert (item.labels, item.group, item.split, item.observed_at, item.texts) == ({}, None, None, UNKNOWN_TIME, [])
    reader.log()
    assert f"column 'label': {word.strip().lower()!r} is taken for no value (3 times)" in caplog.text


@pytest.mark.parametrize("blank", [None, "", "  ", "\u200b", math.nan, Decimal("NaN")])
def test_blank_cells_are_missing(blank):
    assert read({"label": blank, "group": blank, "weight": blank, "title": blank}) == read({})


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("train", ["train", "Train ", "TRAINING", "train2017", "train_set", "training-data", "train-00", "trn"]),
        ("val", ["val", "valid", "Validation", "val2017", "dev", "validation set", "valid_images"]),
        ("test", ["test", "Testing", " test", "test2015", "test_set", "testing data 2"]),
        (None, ["trainval", "holdout", "", "0", "retrain", "tests", "latest", "train/val", "train\0"]),
    ],
)
def test_split_words(split, words):
    assert {split_word(word) for word in words} == {split}


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2024-05-31", datetime(2024, 5, 31, tzinfo=UTC)),
        ("20240531", datetime(2024, 5, 31, tzinfo=UTC)),
        (" 2024-05-31T12:00:00+02:00", datetime(2024, 5, 31, 10, tzinfo=UTC)),
        (date(2024, 5, 31), datetime(2024, 5, 31, tzinfo=UTC)),
        (1717113600, datetime(2024, 5, 31, tzinfo=UTC)),
        ("1717113600", datetime(2024, 5, 31, tzinfo=UTC)),
        (1717113600.0, datetime(2024, 5, 31, tzinfo=UTC)),
        (1717113600000, datetime(2024, 5, 31, tzinfo=UTC)),
        ("0000-00-00", None),
        ("0000-00-00 00:00:00", None),
    ],
)
def test_times(value, time):
    assert role_value("observed_at", value) == time


@pytest.mark.parametrize(
    ("role", "value", "reason"),
    [
        ("observed_at", "31/05/2024", "is not ISO 8601, such as 2024-05-31"),
        ("observed_at", "yesterday", "is not ISO 8601"),
        ("observed_at", 7, "is not ISO 8601"),
        ("observed_at", math.inf, "is not ISO 8601"),
        ("observed_at", "0001-01-01T00:00:00+14:00", "outside the years 1 to 9999"),
        ("observed_at", ["2024-05-31"], "is not ISO 8601"),
        ("weight", "1,5", "is not a number, such as 1.5"),
        ("weight", "heavy", "is not a number"),
        ("weight", [1], "is not a number"),
        ("weight", -1, "must be finite and not negative"),
        ("weight", "inf", "must be finite and not negative"),
        ("weight", 1e39, "must be finite and not negative"),
        ("split", "holdout", "is none of train, val (valid, validation, dev) and test"),
        ("split", 0, "is none of train"),
        ("group", [3], "is a list"),
    ],
)
def test_roles_that_are_not_understood_refuse_the_row(role, value, reason):
    refusals = Refusals()
    assert read({role: value, "title": "x"}, refusals) is None
    (row,) = refusals.table().to_pylist()
    assert row["reason"].startswith(f"t.csv, line 2, column '{role}': ")
    assert reason in row["reason"]


@pytest.mark.parametrize(
    ("value", "language"),
    [("en-US", "en"), ("EN", "en"), ("pt_BR", "pt"), ("deu", "deu"), ("English", None), (7, None)],
)
def test_languages(value, language):
    refusals = Refusals()
    item = read({"language": value, "title": "x"}, refusals)
    assert (item.language, item.texts) == (language, [("title", "x")])
    assert len(refusals.table()) == (language is None)


def test_zero_and_nought_are_one_class(tmp_path, picture):
    corpus = build(tmp_path, picture, [{"label": n % 3 if n < 15 else float(n % 3)} for n in range(30)])
    assert corpus.manifest.tasks[0].classes == ("0", "1", "2")
    assert len(corpus.task_labels("label")) == 30


def test_groups_written_as_floats_do_not_cross_splits(tmp_path, picture):
    splits = ["train", "test"]
    rows = [{"group": (3 if n % 2 else 3.0) if n < 10 else n, "split": splits[n % 2]} for n in range(30)]
    corpus = build(tmp_path, picture, rows)
    found = {row["image_id"]: (row["group"], row["split"]) for row in corpus.splits().to_pylist()}
    assert {found[str(number)] for number in range(10)} == {("group:3", "test")}


@pytest.mark.parametrize(
    ("first", "second", "thing"),
    [
        ("label_color", "color_label", "both make the task 'color'"),
        ("label_color", "label_color_match", "both make the task 'color_match'"),
        ("label", "label_label", "both make the task 'label'"),
        ("label_cls", "cls", "both make the task 'cls'"),
        ("Label", "label", "are one label ('label'); keep one"),
        ("group", "GROUP", "are one role ('group'); keep one"),
        ("split", " split", "are one role ('split'); keep one"),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_two_columns_that_make_one_thing_are_refused(tmp_path, picture, first, second, thing, apart):
    if apart and "one" in thing.split("(")[0]:
        rows = [{first: "a", second: "a"}] * 4
    elif apart:
        rows = [{first if n % 2 else second: "ab"[n // 2 % 2]} for n in range(8)]
    else:
        rows = [{first: "ab"[n % 2], second: "cd"[n % 2]} for n in range(8)]
    with pytest.raises(CorpusError) as caught:
        build(tmp_path, picture, rows)
    message = str(caught.value)
    assert thing in message
    assert repr(first.strip()) in message
    assert repr(second) in message or repr(second.strip()) in message


def test_columns_that_speak_of_one_text_are_joined():
    assert read({"caption": "a", "alt": "b", "Title": "c", "title": "d"}).texts == [
        ("alt_text", "a"),
        ("alt_text", "b"),
        ("title", "c"),
        ("title", "d"),
    ]


def test_shards_quarantine_what_they_cannot_use(tmp_path, picture, tar):
    members = {}
    for number in range(12):
        record = {"caption": f"thing {number}", "label": "ab"[number % 2], "similarity": math.nan}
        record |= {3: {"caption": "cut emoji \ud83d"}, 5: {"label": ["a", "b"]}, 7: {"split": "holdout"}}.get(
            number, {}
        )
        members |= {f"{number}.png": picture(number), f"{number}.json": json.dumps(record).encode()}
    members["9.json"] = b'{"caption": "x'
    members["10.json"] = b"[" * 100_000
    tar(tmp_path / "tars" / "0.tar", members)
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "out")
    assert check_corpus(tmp_path / "out") == manifest
    found = {
        row["image_id"]: row["reason"] for row in pq.read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()
    }
    assert set(found) == {"3", "5", "7", "9", "10"}
    assert "key '3', column 'caption': '" in found["3"]
    assert "half of a surrogate pair" in found["3"]
    assert "0.tar: 9.json: not JSON" in found["9"]
    assert "nested too deeply" in found["10"]
    assert (manifest.num_images, manifest.num_signals, manifest.num_quarantined) == (12, 7, 5)
    assert len(open_corpus(tmp_path / "out").task_labels("label")) == 8


def test_members_that_contradict_each_other_are_listed(tmp_path, picture, tar):
    members = {}
    for number in range(8):
        record = {"cls": "1" if number == 3 else f"{number % 2}", "title": f"thing {number}"}
        members |= {f"{number}.png": picture(number), f"{number}.cls": b"0" if number == 3 else b"%d" % (number % 2)}
        members |= {f"{number}.json": json.dumps(record).encode()}
    tar(tmp_path / "tars" / "0.tar", members)
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "out")
    (row,) = pq.read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()
    assert (row["shard"], row["image_id"]) == ("0.tar", "3")
    assert "0.tar: 3.json: 'cls' is '1', and '0' in a member before it; keep one" in row["reason"]
    labels = open_corpus(tmp_path / "out").task_labels("cls").to_pylist()
    assert {row["image_id"]: row["label"] for row in labels}["3"] == "0"
    assert manifest.num_signals == 8


def write_bytes(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)


def test_files_and_folders_named_in_other_encodings_do_not_stop_a_build(tmp_path, picture):
    source = bytes(tmp_path) + b"/caf\xe9s"
    for number in range(8):
        write_bytes(source + [b"/round/", b"/square-\xfc/"][number % 2] + b"caf\xe9-%d.png" % number, picture(number))
    manifest = build_corpus(os.fsdecode(source), tmp_path / "out")
    assert check_corpus(tmp_path / "out") == manifest
    assert (manifest.name, manifest.num_images, manifest.num_quarantined) == (r"caf\xe9s", 8, 0)
    assert manifest.tasks[0].classes == ("round", r"square-\xfc")
    assert open_corpus(tmp_path / "out").read_bytes([r"square-\xfc/caf\xe9-3"]) == [picture(3)]


def test_members_named_in_other_encodings_do_not_stop_a_build(tmp_path, picture):
    (tmp_path / "tars").mkdir()
    with tarfile.open(tmp_path / "tars" / "0.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        for number in range(8):
            for name, data in ((f"é{number}.png", picture(number)), (f"é{number}.cls", b"%d" % (number % 2))):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "out")
    assert check_corpus(tmp_path / "out") == manifest
    assert open_corpus(tmp_path / "out").task_labels("cls")["image_id"][3].as_py() == r"\xe93"


@pytest.mark.parametrize("name", [b"caf\xe9.tar", b"a\nb.tar"])
def test_a_tar_whose_name_cannot_be_kept_is_refused(tmp_path, picture, tar, name):
    made = tar(tmp_path / "0.tar", {"0.png": picture(0)})
    write_bytes(bytes(tmp_path) + b"/tars/" + name, made.read_bytes())
    with pytest.raises(ConfigError, match="is not the plain name of a file: rename it"):
        build_corpus(str(tmp_path / "tars"), tmp_path / "out")


@pytest.mark.parametrize("name", ["METADATA.CSV", "Metadata.csv"])
def test_the_name_of_a_table_may_have_capitals(tmp_path, picture, name):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "0.png").write_bytes(picture(0))
    (tmp_path / "set" / name).write_text("file_name,title\n0.png,x\n")
    (tmp_path / "set" / ".hidden").mkdir()
    (tmp_path / "set" / ".hidden" / "metadata.csv").write_text("not,a,table\n")
    assert build_corpus(str(tmp_path / "set"), tmp_path / "out").num_signals == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_COLUMNS = st.sampled_from(
    ["label", "label_x", "group", "split", "domain", "observed_at", "language", "weight", "title", "tags", "caption"]
) | st.text(max_size=6)


def splits(item):
    columns = ItemColumns()
    columns.append(item)
    return splits_of(pa.chunked_array([["a"]]), columns, Components(1))


@given(st.dictionaries(_COLUMNS, _JSON, max_size=6))
def test_no_record_ends_in_another_error(record):
    refusals = Refusals()
    try:
        item = read(record, refusals)
    except CorpusError as error:
        assert "column" in str(error)  # noqa: PT017
        return
    tables = [signals_of({"a": item}), splits(item)] if item else []
    for table in [*tables, refusals.table()]:
        table.validate(full=True)
    assert item is not None or len(refusals.table())


def test_a_number_beyond_all_numbers_is_said_without_advice_for_programmers(tmp_path, picture):
    (tmp_path / "a.png").write_bytes(picture(1))
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "label": ' + "9" * 5000 + "}\n")
    with pytest.raises(
        CorpusError, match=r"metadata\.jsonl, line 1: .* 9{20}\.\.\. has 5,000 digits; repair or remove"
    ):
        build_corpus(str(tmp_path), tmp_path.with_name("corpus-of-digits"))
