"""Sheets to mark, judgements, and scorers trained on them."""

import csv
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from builders import REPOSITORY
from vitrail.corpus import open_corpus
from vitrail.errors import ConfigError, LabelError
from vitrail.labels import (
    LabelsConfig,
    Pair,
    compare_scorers,
    derive_labels,
    open_labels,
    read_judgements,
    read_sheet,
    sample_pairs,
    write_judgements,
    write_sheet,
)
from vitrail.labels.scoring.annotation_features import COUNTED_FEATURES
from vitrail.labels.scoring.judgements import JUDGEMENTS_SCHEMA


@pytest.fixture(scope="module")
def sheet(mini_corpus, mini_labels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheet") / "sheet"
    corpus = open_corpus(mini_corpus)
    write_sheet(corpus, sample_pairs(corpus, open_labels(mini_labels), 24), folder)
    return folder


@pytest.fixture
def marked(sheet, tmp_path):
    """A copy of the sheet whose marks the test may choose."""
    folder = shutil.copytree(sheet, tmp_path / "marked")

    def mark(*marks):
        with (folder / "pairs.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        for row, value in zip(rows, marks, strict=False):
            row["mark"] = value
        with (folder / "pairs.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        return folder, rows

    return mark


def test_a_sheet_shows_every_pair_and_stands_alone(sheet, mini_corpus, mini_labels):
    with (sheet / "pairs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    pairs = sample_pairs(open_corpus(mini_corpus), open_labels(mini_labels), 24)
    assert {(row["image_id"], row["term"]) for row in rows} == {(pair.image_id, pair.term) for pair in pairs}
    page = (sheet / "sheet.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp") == 24
    assert "http" not in page
    with Image.open(sheet / "pictures-000.png") as first, Image.open(sheet / "pictures-001.png") as second:
        assert first.width == second.width
        assert first.height > second.height  # 20 pictures, then 4


def test_marks_become_judgements(marked, mini_corpus, tmp_path):
    folder, rows = marked("y", "n", "?", "Y ", "")
    table, num_open = read_sheet(folder, open_corpus(mini_corpus))
    assert num_open == len(rows) - 3
    assert table.to_pylist()[1] == {"image_id": rows[1]["image_id"], "term": rows[1]["term"], "is_right": False}
    for name in ("judgements.parquet", "judgements.csv"):
        write_judgements(tmp_path / name, table)
        assert read_judgements(tmp_path / name).equals(
            table.sort_by([("image_id", "ascending"), ("term", "ascending")])
        )


def test_bad_sheets_are_refused_with_the_line(marked, mini_corpus, tmp_path):
    corpus = open_corpus(mini_corpus)
    folder, _ = marked("y", "maybe")
    with pytest.raises(LabelError, match=r"pairs\.csv, line 3: mark 'maybe'"):
        read_sheet(folder, corpus)
    folder, _ = marked("", "", "?")
    with pytest.raises(LabelError, match="has no mark"):
        read_sheet(folder, corpus)
    with pytest.raises(LabelError, match="is not a sheet"):
        read_sheet(tmp_path / "nowhere", corpus)
    info = (folder / "sheet.json").read_text().replace(corpus.manifest.digest, "f" * 64)
    (folder / "sheet.json").write_text(info)
    with pytest.raises(LabelError, match="not of emoji-mini"):
        read_sheet(folder, corpus)
    (folder / "pairs.csv").write_text("image_id,term\na,b\n")
    (folder / "sheet.json").write_text(info.replace("f" * 64, corpus.manifest.digest))
    with pytest.raises(LabelError, match="no column 'mark'"):
        read_sheet(folder, corpus)


def test_labels_of_another_corpus_make_no_sheet(mini_corpus, mini_labels):
    corpus, labels = open_corpus(mini_corpus), open_labels(mini_labels)
    other = replace(labels, manifest=replace(labels.manifest, corpus_digest="f" * 64))
    with pytest.raises(LabelError, match="derived from another corpus"):
        sample_pairs(corpus, other, 5)
    with pytest.raises(LabelError, match="0 pictures make no sheet"):
        sample_pairs(corpus, labels, 0)


def test_pictures_of_another_corpus_cannot_be_shown(mini_corpus, tmp_path):
    with pytest.raises(LabelError, match="no picture of 1 can be shown"):
        write_sheet(open_corpus(mini_corpus), [Pair(image_id="elsewhere", term="cat")], tmp_path / "sheet")
    assert not (tmp_path / "sheet").exists()


def test_bad_judgements_are_refused(tmp_path):
    def write(rows):
        write_judgements(
            tmp_path / "j.parquet", pa.table(dict(zip(("image_id", "term", "is_right"), rows, strict=True)))
        )

    write((["a", "a"], ["cat", "cat"], [True, False]))
    with pytest.raises(LabelError, match="both right and wrong"):
        read_judgements(tmp_path / "j.parquet")
    write((["a"], ["cat"], pa.array([None], pa.bool_())))
    with pytest.raises(LabelError, match="no judgement"):
        read_judgements(tmp_path / "j.parquet")
    pq.write_table(pa.table({"image": ["a"]}), tmp_path / "j.parquet")
    with pytest.raises(LabelError, match="does not hold judgements"):
        read_judgements(tmp_path / "j.parquet")
    with pytest.raises(ConfigError, match="judgements are given"):
        LabelsConfig(judgements="a.parquet", scorer="b.json")


def test_judgements_survive_csv_whatever_they_look_like(tmp_path):
    columns = (["000123", "1e5"], ["2024", "true"], [True, False])
    judgements = pa.table(dict(zip(JUDGEMENTS_SCHEMA.names, columns, strict=True)))
    write_judgements(tmp_path / "j.csv", judgements)
    assert read_judgements(tmp_path / "j.csv").to_pydict() == judgements.to_pydict()


@pytest.fixture(scope="module")
def judged_labels(mini_corpus, mini_labels, tmp_path_factory):
    """Labels scored by trees that learned that a phrase is right when its first letter is in the first half."""
    folder = tmp_path_factory.mktemp("judged")
    votes = pa.concat_tables([open_labels(mini_labels).votes(s) for s in open_labels(mini_labels).manifest.shards])
    pairs = votes.group_by(["image_id", "term"]).aggregate([]).to_pylist()
    rows = [pair | {"is_right": pair["term"][0] < "n"} for pair in pairs]
    rows.append({"image_id": "elsewhere", "term": "cat", "is_right": True})
    write_judgements(folder / "judgements.parquet", pa.Table.from_pylist(rows))
    derive_labels(mini_corpus, folder / "labels", LabelsConfig(judgements=str(folder / "judgements.parquet")))
    return folder / "labels"


def test_judgements_train_the_scorer_of_a_derivation(judged_labels, mini_labels):
    table = pq.read_table(judged_labels / "judged.parquet")
    assert {*COUNTED_FEATURES, "in_title", "in_board"} < set(table.column_names)
    assert "in_url" not in table.column_names  # no text of the corpus is one
    assert "elsewhere" not in table["image_id"].to_pylist()
    trained, heuristic = open_labels(judged_labels), open_labels(mini_labels)
    assert trained.manifest.digest != heuristic.manifest.digest
    first = trained.manifest.shards[0]
    assert trained.sidecar(first)["scores"].to_pylist() != heuristic.sidecar(first)["scores"].to_pylist()


def test_scorers_are_compared_on_what_they_have_not_seen(judged_labels, mini_labels):
    quality = compare_scorers(open_labels(judged_labels))
    assert set(quality) == {"share of right phrases", "heuristic", "boosted trees"}
    assert quality["boosted trees"].auc > quality["heuristic"].auc
    assert quality["boosted trees"].brier < quality["share of right phrases"].brier
    with pytest.raises(LabelError, match="without judgements"):
        compare_scorers(open_labels(mini_labels))


def test_judgements_of_another_corpus_are_refused(mini_corpus, tmp_path):
    write_judgements(tmp_path / "j.csv", pa.table({"image_id": ["x"], "term": ["cat"], "is_right": [True]}))
    with pytest.raises(LabelError, match="none of the 1 judgements"):
        derive_labels(mini_corpus, tmp_path / "labels", LabelsConfig(judgements=str(tmp_path / "j.csv")))
    assert not (tmp_path / "labels").exists()


def test_shipped_judgements_are_whole():
    folder = REPOSITORY / "benchmarks" / "judgements"
    openclipart, emoji = read_judgements(folder / "openclipart.csv"), read_judgements(folder / "emoji.csv")
    assert len(set(openclipart["image_id"].to_pylist())) >= 300
    assert emoji.num_rows == 2000
    assert {image_id.partition("-")[0] for image_id in emoji["image_id"].to_pylist()} == {"openmoji", "twemoji"}
    afterwards = read_judgements(folder / "openclipart-afterwards.csv")
    pairs = [{(row["image_id"], row["term"]) for row in table.to_pylist()} for table in (openclipart, afterwards)]
    assert not pairs[0] & pairs[1]  # what trains the arm does not measure it twice
    by_eye = read_judgements(folder / "emoji-by-eye.csv")
    assert len(set(by_eye["image_id"].to_pylist())) == 300
