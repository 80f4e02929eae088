import json
from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.errors import CorpusError


def fill(folder, picture, names, start=0):
    for number, name in enumerate(names, start=start):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(picture(number, format="JPEG" if name.endswith("jpg") else "PNG"))


def build(folder, out, **options):
    build_corpus(str(folder), out, **options)
    check_corpus(out)
    return open_corpus(out)


def texts(corpus):
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    return {(row["image_id"], row["source"], row["text"]) for row in rows}


def test_sub_folders_are_labels(tmp_path, picture):
    fill(
        tmp_path / "pets",
        picture,
        [f"{kind}/{number:02d}.jpg" for kind in ("cat", "dog") for number in range(40)],
    )
    corpus = build(tmp_path / "pets", tmp_path / "out")
    assert [(task.name, task.kind, task.classes) for task in corpus.manifest.tasks] == [
        ("label", "classification", ("cat", "dog")),
        ("label_match", "retrieval", ()),
    ]
    split = {row["image_id"]: row["split"] for row in corpus.splits().to_pylist()}
    counts = Counter((split[row["image_id"]], row["label"]) for row in corpus.task_labels("label").to_pylist())
    assert all(counts["train", kind] >= 30 and counts["val", kind] >= 3 for kind in ("cat", "dog"))
    assert all(counts["test", kind] >= 3 for kind in ("cat", "dog"))
    assert corpus.manifest.num_signals == 0


def test_split_folders(tmp_path, picture):
    names = [
        f"{split}/{kind}/{number}.png"
        for split in ("train", "validation", "test")
        for kind in "ab"
        for number in range(3)
    ]
    fill(tmp_path / "set", picture, names)
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert Counter(corpus.splits()["split"].to_pylist()) == {"train": 6, "val": 6, "test": 6}
    assert corpus.manifest.tasks[0].classes == ("a", "b")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_metadata_files_say_the_same(tmp_path, picture, kind):
    names = [f"shop/{number:02d}.png" for number in range(12)]
    fill(tmp_path / "set", picture, names)
    rows = [
        {"file_name": name, "title": f"Ware {number}, groß", "caption": "自転車",
         "keywords": "red; green,blue",
         "colour_label": "warm" if number % 2 else "cold", "domain": "shop" if number % 3 else "street",
         "group": f"g{number // 2}", "split": "train" if number < 8 else "test", "observed_at": "2024-05-31",
         "language": "de", "brand": ""}
        for number, name in enumerate(names)
    ]  # fmt: skip
    file = tmp_path / "set" / f"metadata.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif kind == "jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
        file.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    corpus = build(tmp_path / "set", tmp_path / "out", name="ware")
    assert corpus.manifest.name == "ware"
    assert {(source, text) for image_id, source, text in texts(corpus) if image_id == "shop/03"} == {
        ("title", "Ware 3, groß"),
        ("alt_text", "自転車"),
        ("keyword", "red"),
        ("keyword", "green"),
        ("keyword", "blue"),
    }
    assert [task.name for task in corpus.manifest.tasks] == ["colour", "colour_match"]
    rows = {row["image_id"]: row for row in corpus.splits().to_pylist()}
    assert rows["shop/03"] == {
        "image_id": "shop/03",
        "group": "group:g1",
        "split": "train",
        "domain": "street",
    }
    assert corpus.task_labels("colour")["observed_at"][0].as_py().date().isoformat() == "2024-05-31"


def test_images_without_a_row_are_kept_without_text(tmp_path, picture):
    fill(tmp_path / "set", picture, ["a.png", "b.png"])
    (tmp_path / "set" / "metadata.csv").write_text("file_name,title\na.png,only this\n")
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert corpus.manifest.num_images == 2
    assert texts(corpus) == {("a", "title", "only this")}


def test_equal_pictures_leave_no_leak(tmp_path, picture, caplog):
    fill(tmp_path / "set", picture, [f"train/{number}.png" for number in range(5)])
    (tmp_path / "set" / "test").mkdir()
    (tmp_path / "set" / "test" / "copy.jpg").write_bytes(picture(2, side=80, format="JPEG", quality=95))  # of train/2
    (tmp_path / "set" / "test" / "other.png").write_bytes(picture(50))
    corpus = build(tmp_path / "set", tmp_path / "out")
    rows = {row["image_id"]: row for row in corpus.splits().to_pylist()}
    assert rows["train/2"]["group"] == rows["test/copy"]["group"]
    assert rows["train/2"]["split"] == "test"
    assert rows["train/1"]["split"] == "train"
    assert "1 groups of equal images were in several splits" in caplog.text


def test_groups_stay_together_in_automatic_splits(tmp_path, picture):
    names = [f"{number:03d}.png" for number in range(120)]
    fill(tmp_path / "set", picture, names)
    lines = [f"{name},item{number // 3},{'ab'[number % 2]}" for number, name in enumerate(names)]
    (tmp_path / "set" / "metadata.csv").write_text("file_name,group,label\n" + "\n".join(lines))
    corpus = build(tmp_path / "set", tmp_path / "out")
    splits = defaultdict(set)
    for row in corpus.splits().to_pylist():
        splits[row["group"]].add(row["split"])
    assert len(splits) == 40
    assert Counter(next(iter(seen)) for seen in splits.values()) == {"train": 32, "val": 4, "test": 4}


def test_odd_names_become_keys(tmp_path, picture):
    names = [
        "my.cat.v2.png",
        "same.png",
        "same.jpg",
        "ümläut é.png",
        "x" * 150 + ".png",
        "x" * 150 + "y.png",
        ".hidden.png",
    ]
    fill(tmp_path / "set", picture, names)
    corpus = build(tmp_path / "set", tmp_path / "out")
    ids = corpus.index()["image_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 6
    assert {"my_cat_v2", "same", "same_png", "ümläut é"} <= set(ids)
    assert corpus.read_bytes(["my_cat_v2"]) == [picture(0)]


def test_building_twice_gives_identical_bytes(tmp_path, picture):
    fill(tmp_path / "set", picture, [f"{kind}/{number}.png" for kind in "ab" for number in range(6)])
    first, again = (build(tmp_path / "set", tmp_path / name) for name in ("one", "two"))
    assert first.manifest.digest == again.manifest.digest


def test_damaged_files_are_quarantined(tmp_path, picture):
    fill(tmp_path / "set", picture, ["good.png", "fine.png"])
    (tmp_path / "set" / "cut.png").write_bytes(picture(7)[:-20])
    (tmp_path / "set" / "page.jpg").write_bytes(b"<html>not found</html>")
    manifest = build(tmp_path / "set", tmp_path / "out").manifest
    assert (manifest.num_images, manifest.num_quarantined) == (2, 2)


def test_nothing_to_build_from(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no tars and no images"):
        build_corpus(str(tmp_path / "empty"), tmp_path / "out")
    with pytest.raises(CorpusError, match=r"'nowhere' is neither a corpus \(emoji, .*openclipart\) nor a folder"):
        build_corpus("nowhere", tmp_path / "out")
