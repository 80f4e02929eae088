import json
import os
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.errors import CorpusError


def texts(corpus):
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    return {(row["image_id"], row["source"], row["text"]) for row in rows}


def test_img2dataset_shards_as_they_lie(tmp_path, picture, tar):
    source = tmp_path / "download"
    for shard in range(2):
        members, rows = {}, []
        for number in range(12):
            key = f"{shard:05d}{number:04d}"
            caption = f"a picture {number}"
            members[f"{key}.jpg"] = picture(100 * shard + number, format="JPEG")
            members[f"{key}.txt"] = caption.encode()
            members[f"{key}.json"] = json.dumps(
                {"key": key, "caption": caption, "url": f"https://example.org/{key}.jpg", "status": "ok",
                 "width": 40, "exif": "{}", "sha256": "00", "title": f"Nr. {number}",
                 "tags": ["red", "green"]}
            ).encode()  # fmt: skip
            rows.append({"key": key, "caption": caption, "similarity": 0.3, "alt": "from the parquet", "md5": "x"})
        tar(source / f"{shard:05d}.tar", members)
        pq.write_table(pa.Table.from_pylist(rows), source / f"{shard:05d}.parquet")
    before = {path.name: path.read_bytes() for path in source.glob("*.tar")}

    manifest = build_corpus(str(source), tmp_path / "corpus", name="mine")
    assert check_corpus(tmp_path / "corpus") == manifest
    corpus = open_corpus(tmp_path / "corpus")
    assert (manifest.name, manifest.num_images, manifest.tasks) == ("mine", 24, ())
    for name, data in before.items():
        assert (source / name).read_bytes() == data
        assert os.path.samefile(source / name, tmp_path / "corpus" / "shards" / name)  # linked, not copied
    found = {(source_, text) for image_id, source_, text in texts(corpus) if image_id == "000010003"}
    assert found == {
        ("alt_text", "a picture 3"),
        ("alt_text", "from the parquet"),
        ("url", "https://example.org/000010003.jpg"),
        ("title", "Nr. 3"),
        ("keyword", "red"),
        ("keyword", "green"),
    }
    assert corpus.read_bytes(["000010003"]) == [picture(103, format="JPEG")]


def test_classes_and_repeated_keys(tmp_path, picture, tar):
    for shard in "ab":
        members = {}
        for number in range(20):
            members[f"{number:03d}.png"] = picture(ord(shard) * 100 + number)
            members[f"{number:03d}.cls"] = str(number % 2).encode()
        tar(tmp_path / "tars" / f"{shard}.tar", members)
    build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.index()["image_id"][20].as_py() == "b/000"  # every key comes twice: shards tell them apart
    assert [(task.name, task.kind, task.classes) for task in corpus.manifest.tasks] == [
        ("cls", "classification", ("0", "1")),
        ("cls_match", "retrieval", ()),
    ]
    assert set(corpus.splits()["split"].to_pylist()) == {"train", "val", "test"}
    check_corpus(tmp_path / "corpus")


def test_bad_texts_are_left_out_and_counted(tmp_path, picture, tar, caplog):
    members = {f"{number}.png": picture(number) for number in range(4)}
    members |= {
        "0.txt": "schöne Blume".encode("latin-1"),
        "1.txt": b"   \n",
        "2.json": b"{broken",
        "3.txt": b"fine",
    }
    tar(tmp_path / "tars" / "0.tar", members)
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    assert texts(open_corpus(tmp_path / "corpus")) == {("3", "alt_text", "fine")}
    assert manifest.num_images == 4
    assert manifest.num_quarantined == 2
    assert "2 single values of the metadata left out" in caplog.text
    assert "0.tar: 0.txt" in caplog.text
    check_corpus(tmp_path / "corpus")


def test_images_without_any_text(tmp_path, picture, tar):
    tar(tmp_path / "tars" / "0.tar", {f"{number}.png": picture(number) for number in range(3)})
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    assert (manifest.num_images, manifest.num_signals) == (3, 0)
    check_corpus(tmp_path / "corpus")


def test_bad_images_do_not_stop_the_build(tmp_path, picture, tar):
    members = {"good.png": picture(1), "good.txt": b"yes", "bad.png": picture(2)[:60], "bad.txt": b"no"}
    tar(tmp_path / "tars" / "0.tar", members)
    manifest = build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    assert (manifest.num_images, manifest.num_quarantined, manifest.num_signals) == (1, 1, 1)
    check_corpus(tmp_path / "corpus")


def test_nothing_usable(tmp_path, picture, tar):
    tar(tmp_path / "tars" / "0.tar", {"bad.png": picture(2)[:60]})
    with pytest.raises(CorpusError, match="has no usable image; the first is refused because the PNG is truncated"):
        build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")


def test_damaged_tar_stops_the_build_and_keeps_the_old_corpus(tmp_path, picture, tar):
    path = tar(tmp_path / "tars" / "0.tar", {f"{number}.png": picture(number) for number in range(3)})
    build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    path.unlink()  # a new file: the linked one belongs to the corpus now
    tar(path, {"0.png": picture(9)})
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(CorpusError, match=r"/tars/0\.tar is truncated"):
        build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    assert check_corpus(tmp_path / "corpus").num_images == 3
    assert [entry.name for entry in tmp_path.iterdir() if "partial" in entry.name] == []


def test_parquet_without_key(tmp_path, picture, tar):
    tar(tmp_path / "tars" / "0.tar", {"0.png": picture(0)})
    pq.write_table(pa.table({"caption": ["x"]}), tmp_path / "tars" / "0.parquet")
    with pytest.raises(CorpusError, match=r"0\.parquet has no column 'key'"):
        build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")


def test_times_of_texts(tmp_path, picture, tar):
    record = json.dumps({"title": "t", "observed_at": "2021-05-06T07:08:09+02:00", "language": "de"}).encode()
    tar(tmp_path / "tars" / "0.tar", {"0.png": picture(0), "0.json": record})
    build_corpus(str(tmp_path / "tars"), tmp_path / "corpus")
    (row,) = pq.read_table(open_corpus(tmp_path / "corpus").signal_files()[0]).to_pylist()
    assert row["observed_at"] == datetime(2021, 5, 6, 5, 8, 9, tzinfo=UTC)
    assert row["language"] == "de"


def test_tars_of_one_name_in_three_spellings_stay_as_they_are(tmp_path, picture, tar):
    source = tmp_path / "in"
    for number, name in enumerate(("x/b.tar", "y/b.tar", "x-b.tar")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        tar(source / name, {f"{number}.png": picture(number)})
    before = {path: path.read_bytes() for path in source.rglob("*.tar")}
    manifest = build_corpus(str(source), tmp_path / "out")
    assert {path: path.read_bytes() for path in source.rglob("*.tar")} == before
    assert manifest.num_images == 3
    assert len({shard.name for shard in manifest.shards}) == 3
