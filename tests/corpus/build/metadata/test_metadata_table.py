"""Tables as spreadsheets, scripts and data frames write them; a bad row is quarantined with its line, alone."""

import contextlib
import csv
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build.metadata.csv_records import find_separator, read_records
from vitrail.corpus.build.metadata.table_rows import read_rows
from vitrail.errors import CorpusError

NUM_IMAGES = 24


@pytest.fixture
def pictures(tmp_path, picture):
    """A folder with 24 pictures in `images/`."""
    (tmp_path / "set" / "images").mkdir(parents=True)
    for number in range(NUM_IMAGES):
        (tmp_path / "set" / "images" / f"{number:02}.png").write_bytes(picture(number))
    return tmp_path / "set"


def table(separator=",", header="file_name,title,label", title="thing {}", end="\n", bad=None):
    lines = [header.replace(",", separator)]
    for number in range(NUM_IMAGES):
        fields = [f"images/{number:02}.png", title.format(number), "ab"[number % 2]]
        lines.append(bad if bad is not None and number == 7 else separator.join(fields))
    return end.join(lines) + end


def build(folder, content, name="metadata.csv"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    manifest = build_corpus(str(folder), folder.parent / "out")
    assert check_corpus(folder.parent / "out") == manifest
    return open_corpus(folder.parent / "out")


def titles(corpus):
    return {row["image_id"]: row["text"] for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()}


def quarantine(corpus):
    return pq.read_table(corpus.path / "quarantine.parquet").to_pylist()


@pytest.mark.parametrize(
    "content",
    [
        table(),
        table(";"),
        table("\t"),
        table("|"),
        table(";", title="a, b, c and d; ".replace(";", "") + "{}"),
        "sep=;\r\n" + table(";", end="\r\n"),
        table(end="\r\n"),
        table(end="\r"),
        table(header="File_Name,Title,Label"),
        table(header=" file_name , title , label "),
        "\ufeff" + table(),
        table().replace("images/", "images\\"),
        table().replace("images/", ".\\images\\"),
        table() + ",,\n,,\n\n  ,,\n",
        table().encode("utf-16"),
        table("\t").encode("utf-16"),
        table(";").encode("utf-8-sig"),
        table().replace("file_name,", ",file_name,", 1).replace("images/", "1,images/"),
    ],
)
def test_tables_of_all_makers_say_the_same(pictures, content):
    corpus = build(pictures, content)
    assert len(titles(corpus)) == NUM_IMAGES
    assert titles(corpus)["images/07"].endswith("7")
    assert corpus.manifest.tasks[0].classes == ("a", "b")
    assert quarantine(corpus) == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('images/07.png,"6" pipe 7",b', "quotes are broken"),
        ('images/07.png,"never closed 7,b', "quotes are broken"),
        ('images/07.png,"7"x"y",b', "quotes are broken"),
        ('images/07.png,"6\\" pipe",b', "quotes are broken"),
        ("images/07.png,red, green,b", "has 4 fields, the header has 3; quote separators"),
        ("images/99.png,x,b", "'images/99.png' does not exist; add the file or remove the row"),
        ("images/07.png\0,x,b", "does not exist"),
        ("../set/images/07.png,x,b", "leads up by '..', which is not followed; name a file below"),
        ("images\\..\\images\\07.png,x,b", "leads up by '..'"),
        ("/etc/passwd,x,b", "lies outside"),
        (",x,b", "file_name is empty"),
        ("images/06.png,x,b", r"'images/06.png' was described in .*metadata.csv, line 8; keep one row"),
        ("metadata.csv,x,b", "is not taken for an image"),
        ("images/07.png,x,\"['a', 'b']\"", "is a list"),
    ],
)
def test_a_bad_row_is_quarantined_and_not_the_build(pictures, bad, reason, caplog):
    corpus = build(pictures, table(bad=bad))
    (row,) = quarantine(corpus)
    assert row["shard"] == "metadata.csv"
    assert "metadata.csv, line 9" in row["reason"]
    assert pa.compute.match_substring_regex(row["reason"], reason).as_py() or reason in row["reason"]
    assert len(titles(corpus)) == NUM_IMAGES - 1
    assert len(corpus.task_labels("label")) == NUM_IMAGES - 1
    assert corpus.manifest.num_images == NUM_IMAGES
    assert corpus.manifest.num_quarantined == 1
    assert "1 row of the metadata left out, as quarantine.parquet lists" in caplog.text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"images/07.png,caf\xe9,b", "byte 0xe9 in 'caf\\xe9' is not UTF-8"),
        (b"images/07.png,thing\0 7,b", "holds a NUL"),
        (b"images/07.png,\xed\xa0\xbd,b", "is not UTF-8"),
    ],
)
def test_a_bad_text_is_left_out_and_its_row_is_used(pictures, bad, reason):
    content = table(bad="BAD").encode().replace(b"BAD", bad)
    corpus = build(pictures, content)
    (row,) = quarantine(corpus)
    assert (row["shard"], row["image_id"]) == ("metadata.csv", "images/07.png")
    assert "line 9, column 'title'" in row["reason"]
    assert reason in row["reason"]
    assert len(titles(corpus)) == NUM_IMAGES - 1
    assert len(corpus.task_labels("label")) == NUM_IMAGES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "metadata.csv",
            "name,title\n0,x\n",
            r"metadata\.csv has no column 'file_name' \(it has name, title\); add it",
        ),
        ("metadata.csv", "name;title\n0;x\n", r"has no column 'file_name' \(it has name, title\)"),
        ("metadata.csv", "", r"has no column 'file_name' \(it has none\); add it"),
        ("metadata.csv", 'file_name,"title\nx,y\n', r"line 1: the header cannot be read: its quotes are broken"),
        ("metadata.csv", "file_name,title,title\n", "has the column 'title' twice; rename or remove one"),
        ("metadata.csv", "file_name,File_Name\n", "has the column 'file_name' twice"),
        ("metadata.csv", b"file_name,caf\xe9\n", r"byte 0xe9 in 'caf\\xe9' is not UTF-8; .*rename the column"),
        ("metadata.csv", table(title="thé {}").encode("latin-1"), r"line 2: byte 0xe9 is not UTF-8; save the file as"),
        ("metadata.csv", table().encode("utf-16-le"), "as in UTF-16 without its mark; save the file as UTF-8"),
        ("metadata.csv", table().encode("utf-16-be"), "as in UTF-16 without its mark; save the file as UTF-8"),
        ("metadata.csv", table().encode("utf-16")[:-1], "is not whole as UTF-16"),
        (
            "metadata.csv",
            table().replace("images", "img"),
            r"line 2: 'img/00.png' does not exist; .*23 of 23 other rows",
        ),
        ("metadata.csv", "file_name,split\nimages/00.png,holdout\n", "split 'holdout' is none of train, val"),
        ("metadata.csv", "file_name,observed_at\nimages/00.png,31/05/2024\n", "time '31/05/2024' is not ISO 8601"),
        ("metadata.csv", 'file_name,weight\nimages/00.png,"1,5"\n', "weight '1,5' is not a number, such as 1.5"),
        (
            "metadata.csv",
            "file_name,label_color,color_label\nimages/00.png,x,y\n",
            "'label_color' and 'color_label' both make the",
        ),
        ("metadata.jsonl", "{oops\n", r"line 1: not JSON .*; repair or remove the line"),
        ("metadata.jsonl", "[" * 100_000, r"line 1: not JSON \(nested too deeply\)"),
        ("metadata.jsonl", '["images/00.png"]\n', r"line 1: not a JSON object"),
        ("metadata.jsonl", '{"name": "images/00.png"}\n', r"line 1: has no column 'file_name' \(it has name\)"),
        ("metadata.jsonl", '{"file_name": "a", "title": "x", "title": "y"}\n', r"line 1: .*'title' is there twice"),
        ("metadata.parquet", b"nonsense", r"metadata\.parquet is not a readable Parquet file"),
    ],
)
def test_a_table_that_is_not_understood_is_one_message(pictures, name, content, message):
    (pictures / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CorpusError, match=message):
        build_corpus(str(pictures), pictures.parent / "out")
    assert not (pictures.parent / "out").exists()


def test_bad_lines_of_json_are_quarantined(pictures):
    lines = [
        json.dumps({"file_name": f"images/{n:02}.png", "title": f"t{n}", "label": n % 2}) for n in range(NUM_IMAGES)
    ]
    lines[3] = '{"file_name": "images/03.png", '
    lines[5] = '{"file_name": "images/05.png", "title": "cut emoji \\ud83d", "label": 1}'
    lines[8] = '{"file_name": "images/08.png", "title": "x", "label": "\\ud83d"}'
    corpus = build(pictures, "\n".join(lines), "metadata.jsonl")
    found = {row["reason"].split("metadata.jsonl, ")[1][:24] for row in quarantine(corpus)}
    assert found == {"line 4: not JSON (Expect", "line 6, column 'title': ", "line 9, column 'label': "}
    assert len(corpus.task_labels("label")) == NUM_IMAGES - 2
    assert len(titles(corpus)) == NUM_IMAGES - 3


def test_bad_values_of_parquet_are_quarantined(pictures):
    raw = [b"thing %d" % number for number in range(NUM_IMAGES)]
    raw[4] = b"caf\xe9"
    text = pa.Array.from_buffers(pa.string(), NUM_IMAGES, pa.array(raw).buffers())  # pyarrow does not check UTF-8
    times = pa.array([1717113600_000_000] * 5 + [1 << 60] + [None] * (NUM_IMAGES - 6), pa.timestamp("us"))
    names = [f"images/{number:02}.png" for number in range(NUM_IMAGES)]
    columns = {
        "File_Name": [name.encode() for name in names],
        "title": text,
        "observed_at": times,
        "label": [n % 2 for n in range(NUM_IMAGES)],
    }
    pq.write_table(pa.table(columns), pictures / "metadata.parquet")
    manifest = build_corpus(str(pictures), pictures.parent / "out")
    corpus = open_corpus(pictures.parent / "out")
    reasons = [row["reason"] for row in quarantine(corpus)]
    assert manifest.num_quarantined == len(reasons) == 2
    assert "metadata.parquet, row 5, column 'title': byte 0xe9" in reasons[0]
    assert "metadata.parquet, row 6, column 'observed_at'" in reasons[1]


def test_names_are_matched_however_their_letters_are_composed(tmp_path, picture):
    (tmp_path / "set").mkdir()
    for number, name in enumerate(["cafe\u0301.png", "th\u00e9.png"]):
        (tmp_path / "set" / name).write_bytes(picture(number))
    corpus = build(tmp_path / "set", "file_name,title\ncaf\u00e9.png,one\nthe\u0301.png,two\n")
    assert sorted(titles(corpus).values()) == ["one", "two"]


@given(
    st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=3, max_size=3), max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_writes_is_read_back(rows, separator, end):
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["file_name", "title", "label"], *rows])
    lines = list(io.StringIO(stream.getvalue(), newline=""))
    assert find_separator(lines, "file_name") == (separator, 0)
    records = list(read_records(lines, separator, 0))
    assert [fields for _, fields, _ in records[1:]] == rows
    assert not any(problem for *_, problem in records)


@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl"]), st.integers(0, 2**32))
def test_no_bytes_end_in_another_error(tmp_path_factory, data, kind, seed):
    rng = random.Random(seed)
    whole = table().encode() if kind == "csv" else b'{"file_name": "a.png", "title": "x"}\n' * 9
    at = rng.randrange(len(whole))
    file = tmp_path_factory.mktemp("bytes") / f"metadata.{kind}"
    file.write_bytes(whole[:at] + data + whole[at:])
    with contextlib.suppress(CorpusError):
        for row in read_rows(file):
            assert str(file) in row.where
            assert row.problem or "file_name" in row.record
