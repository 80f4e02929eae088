"""Every row, member and file is matched, quarantined or listed as unused with a reason."""

import json
import os
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrail.contracts.corpus import QUARANTINE_FILE, UNUSED_FILE
from vitrail.corpus import Corpus, build_corpus, check_corpus, open_corpus
from vitrail.errors import CorpusError


def build(source: Path, out: Path) -> Corpus:
    build_corpus(str(source), out)
    check_corpus(out)
    return open_corpus(out)


def ids(corpus: Corpus) -> set[str]:
    return set(corpus.index()["image_id"].to_pylist())


def texts(corpus: Corpus) -> set[tuple[str, str]]:
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    return {(row["image_id"], row["text"]) for row in rows}


def labels(corpus: Corpus, task: str) -> dict[str, str]:
    return {row["image_id"]: row["label"] for row in corpus.task_labels(task).to_pylist()}


def splits(corpus: Corpus) -> dict[str, str]:
    return {row["image_id"]: row["split"] for row in corpus.splits().to_pylist()}


def unused(corpus: Corpus) -> dict[str, str]:
    file = corpus.path / UNUSED_FILE
    return {row["name"]: row["reason"] for row in pq.read_table(file).to_pylist()} if file.is_file() else {}


def refused(corpus: Corpus) -> dict[str, str]:
    return {row["image_id"]: row["reason"] for row in pq.read_table(corpus.path / QUARANTINE_FILE).to_pylist()}


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_formats_are_told_by_their_bytes(tmp_path, picture, caplog):
    jpeg, png = picture(1, format="JPEG"), picture(2)
    good = {"a.jfif": jpeg, "b.JPE": picture(3, format="JPEG"), "c.heic": png, "d": picture(4), "e.txt.bak": picture(5),
            "f.PNG": picture(6, format="WEBP"), "g.JPG.jpg": picture(7, format="JPEG")}  # fmt: skip
    bad = {"h.heic": b"\0\0\0\x18ftypheic" + bytes(40), "i.avif": b"\0\0\0\x18ftypavif" + bytes(40), "j.jpg": b"",
           "k.webp": b"<html>", "l.bin": b"GIF89a" + bytes(40), "m.svg": b"<?xml version='1.0'?><svg/>"}  # fmt: skip
    rest = {"README": b"hello", "notes.md": b"# x", "labels.csv": b"image,label\na.jfif,x\n", "old.zip": b"PK\3\4",
            "z.txt": b"a text of no image", ".DS_Store": b"x", "Thumbs.db": b"x", "sub/desktop.ini": b"x",
            "__MACOSX/._a.jfif": b"\0\5\x16\7", ".git/config": b"x", "._a.jfif": jpeg}  # fmt: skip
    caplog.set_level("INFO", "vitrail")
    corpus = build(put(tmp_path / "set", good | bad | rest), tmp_path / "out")
    assert corpus.manifest.num_images == len(good)
    assert set(refused(corpus)) == set(bad)
    assert "format heic is not supported; convert it" in refused(corpus)["h.heic"]
    assert set(unused(corpus)) == {"README", "notes.md", "labels.csv", "old.zip", "z.txt", ".DS_Store", "Thumbs.db",
                                   "sub/desktop.ini", "__MACOSX", ".git", "._a.jfif"}  # fmt: skip
    assert unused(corpus)[".git"] == "hidden, with 1 files"
    assert "unpack it" in unused(corpus)["old.zip"]
    assert "name the file so" in unused(corpus)["labels.csv"]
    assert "7 images, 0 texts; 6 in quarantine (quarantine.parquet), 11 unused (unused.parquet)" in caplog.text


def test_rows_about_files_by_any_name(tmp_path, picture):
    names = ["a.jfif", "b", "c.jpeg.jpg", "d.avif"]
    put(tmp_path / "set", {name: picture(number) for number, name in enumerate(names)})
    lines = [f"{name},words of {name}" for name in names]
    (tmp_path / "set" / "metadata.csv").write_text("file_name,title\n" + "\n".join(lines))
    assert len(texts(build(tmp_path / "set", tmp_path / "out"))) == 4


def test_captions_and_labels_beside_pictures(tmp_path, picture):
    files = {f"{kind}/{n}.jpg": picture(n, format="JPEG") for n, kind in enumerate(["cat", "dog"] * 4)}
    files |= {"cat/0.txt": b"a cat", "dog/1.jpg.txt": b"a dog", "cat/2.json": b'{"title": "T", "split": "test"}',
              "dog/3.CAPTION": b"loud", "dog/9.txt": b"of no picture", "dog/5.json": b"{broken"}  # fmt: skip
    corpus = build(put(tmp_path / "set", files), tmp_path / "out")
    assert texts(corpus) == {("cat/0", "a cat"), ("dog/1", "a dog"), ("cat/2", "T"), ("dog/3", "loud")}
    assert splits(corpus)["cat/2"] == "test"
    assert labels(corpus, "label")["dog/1"] == "dog"
    assert unused(corpus) == {"dog/9.txt": "no image of this name beside it"}
    assert [reason for name, reason in refused(corpus).items() if "not JSON" in reason]


def img2dataset_folder(root: Path, picture, shard: str, first: int) -> None:
    rows = []
    for number in range(first, first + 6):
        key = f"{shard}{number:04d}"
        label = "ab"[number % 2]
        files = {f"{shard}/{key}.jpg": picture(number, format="JPEG"), f"{shard}/{key}.txt": f"words {key}".encode(),
                 f"{shard}/{key}.json": json.dumps({"key": key, "label": label}).encode()}  # fmt: skip
        put(root, files)
        rows.append({"key": key, "status": "success", "error_message": None, "title": f"title {key}"})
    rows.append({"key": f"{shard}9999", "status": "failed_to_download", "error_message": "404", "title": "gone"})
    pq.write_table(pa.Table.from_pylist(rows), root / f"{shard}.parquet")
    (root / f"{shard}_stats.json").write_text("{}")


def test_img2dataset_files(tmp_path, picture):
    for shard, first in (("00000", 0), ("00001", 100)):
        img2dataset_folder(tmp_path / "set", picture, shard, first)
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert [task.classes for task in corpus.manifest.tasks] == [("a", "b"), ()]
    assert ("00001/000010100", "words 000010100") in texts(corpus)
    assert ("00001/000010100", "title 000010100") in texts(corpus)
    assert unused(corpus) == {
        "00000_stats.json": "statistics of img2dataset",
        "00001_stats.json": "statistics of img2dataset",
        "00000.parquet: key 000009999": "failed_to_download: 404",
        "00001.parquet: key 000019999": "failed_to_download: 404",
    }


def test_img2dataset_files_without_table_and_labels(tmp_path, picture):
    files = {f"00000/00000{n:04d}.jpg": picture(n, format="JPEG") for n in range(4)}
    assert build(put(tmp_path / "set", files), tmp_path / "out").manifest.tasks == ()


@pytest.mark.parametrize(
    ("folders", "found"),
    [
        (("ILSVRC/Data/CLS-LOC/train/n01", "ILSVRC/Data/CLS-LOC/val/n02"), {("n01", "train"), ("n02", "val")}),
        (("Training/cat", "Testing/dog"), {("cat", "train"), ("dog", "test")}),
        (("train2017/cat", "val2017/dog"), {("cat", "train"), ("dog", "val")}),
        (("TRAIN_SET/cat", "validation-data/dog"), {("cat", "train"), ("dog", "val")}),
        (("cat/train", "dog/train"), {("cat", "train"), ("dog", "train")}),
        (("images/train/cat", "images/test/dog"), {("cat", "train"), ("dog", "test")}),
        (("train/cat/images", "train/dog/images"), {("cat", "train"), ("dog", "train")}),
        (("train/train", "test/car"), {("train", "train"), ("car", "test")}),
        (("animals/cat", "vehicles/car"), {("cat", None), ("car", None)}),
        (("bus", "train"), {("bus", None), ("train", None)}),
        (("photos", "drawings"), {("photos", None), ("drawings", None)}),
    ],
)
def test_the_last_folder_is_the_class(tmp_path, picture, folders, found):
    files = {f"{folder}/{n}.png": picture(10 * at + n) for at, folder in enumerate(folders) for n in range(4)}
    corpus = build(put(tmp_path / "set", files), tmp_path / "out")
    by_image, given = labels(corpus, "label"), splits(corpus)
    has_splits = any(split for _, split in found)
    assert {(label, given[name] if has_splits else None) for name, label in by_image.items()} == found


def test_links_are_followed_and_circles_end(tmp_path, picture):
    blobs = put(tmp_path / "blobs", {"1": picture(1), "2": picture(2)})
    elsewhere = put(tmp_path / "elsewhere", {f"{n}.png": picture(10 + n) for n in range(3)})
    source = put(tmp_path / "set", {"square/own.png": picture(3)})
    (source / "square" / "one.png").symlink_to("../../blobs/1")
    (source / "square" / "again.png").symlink_to(blobs / "1")
    (source / "round").symlink_to(elsewhere)
    (source / "square" / "up").symlink_to(source)
    (elsewhere / "here").symlink_to(elsewhere)
    (source / "square" / "lost.png").symlink_to("../../blobs/3")
    corpus = build(source, tmp_path / "out")
    assert ids(corpus) == {"square/own", "square/one", "square/again", "round/0", "round/1", "round/2"}
    assert set(unused(corpus)) == {"square/up", "round/here", "square/lost.png"}
    assert "a link to ../../blobs/3, which is not there" in unused(corpus)["square/lost.png"]
    assert labels(corpus, "label")["round/1"] == "round"


def test_a_folder_of_lost_links_says_so(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jpg").symlink_to(".git/annex/objects/x")
    with pytest.raises(CorpusError, match=r"no images .*a\.jpg, for one: a link to .*git annex get"):
        build_corpus(str(tmp_path / "set"), tmp_path / "out")


def test_special_files_are_not_opened(tmp_path, picture):
    put(tmp_path / "set", {"a.png": picture(1)})
    os.mkfifo(tmp_path / "set" / "b.png")
    assert unused(build(tmp_path / "set", tmp_path / "out")) == {"b.png": "no regular file"}


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", **fields: object) -> None:
    import io

    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(data) if data else None)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_member(tmp_path, picture, form):
    (tmp_path / "set").mkdir()
    with tarfile.open(tmp_path / "set" / "0.tar", "w", format=form) as tar:
        add(tar, "data", type=tarfile.DIRTYPE)
        add(tar, "./data/a.jpg", picture(1, format="JPEG"))
        add(tar, "data/a.txt", b"first")
        add(tar, "/abs/b.PNG", picture(2))
        add(tar, "hard.jpg", type=tarfile.LNKTYPE, linkname="./data/a.jpg")
        add(tar, "data/soft.jpg", type=tarfile.SYMTYPE, linkname="../abs/b.PNG")
        add(tar, "out.jpg", type=tarfile.SYMTYPE, linkname="/etc/hostname")
        add(tar, "up.jpg", type=tarfile.LNKTYPE, linkname="../../up.jpg")
        add(tar, "device.jpg", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        add(tar, "pipe.jpg", type=tarfile.FIFOTYPE)
        add(tar, "bare", picture(3))
        add(tar, "c.jfif", picture(4, format="JPEG"))
        add(tar, "d.heic", b"\0\0\0\x18ftypheic" + bytes(40))
        add(tar, "../e.jpg", picture(5, format="JPEG"))
        for junk in ("._a.jpg", "__MACOSX/a.jpg", "data/.hidden.jpg", "Thumbs.db"):
            add(tar, junk, picture(6, format="JPEG"))
        add(tar, "nested.zip", b"PK\3\4")
        add(tar, "f.npy", b"numbers")
        add(tar, f"{'x' * 60}/{'y' * 80}.jpg", picture(7, format="JPEG"))
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert ids(corpus) == {"data/a", "abs/b", "hard", "data/soft", "bare", "c", f"{'x' * 60}/{'y' * 80}"}
    assert corpus.read_bytes(["hard"]) == corpus.read_bytes(["data/a"])
    assert corpus.read_bytes(["data/soft"]) == [picture(2)]
    assert set(refused(corpus)) == {"d"}
    assert set(unused(corpus)) == {
        f"0.tar: {name}"
        for name in ("out.jpg", "up.jpg", "device.jpg", "pipe.jpg", "../e.jpg", "._a.jpg", "__MACOSX/a.jpg",
                     "data/.hidden.jpg", "Thumbs.db", "nested.zip", "f.npy")
    }  # fmt: skip


def test_keys_with_dots(tmp_path, picture, tar):
    members = {f"22.{n}.png": picture(n) for n in range(3)} | {f"22.{n}.txt": f"photo {n}".encode() for n in range(3)}
    members |= {"x.input.png": picture(5), "x.outputs.txt": b"one image of this key"}
    members |= {"y.png": picture(6), "y.seg.png": picture(7), "y.txt": b"y"}
    members |= {"z.png": picture(8), "z.v2.png": picture(9), "z.v2.txt": b"an image of its own"}
    members |= {"w.png.txt": b"w", "w.png": picture(10), "photo.2024-05-31.png": picture(11)}
    members |= {"v.a.png": picture(12), "v.b.png": picture(13), "v.txt": b"of which?"}
    tar(tmp_path / "set" / "0.tar", members)
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert ids(corpus) == {"22.0", "22.1", "22.2", "x", "y", "z", "z.v2", "w", "photo", "v.a", "v.b"}
    assert texts(corpus) == {*((f"22.{n}", f"photo {n}") for n in range(3)), ("x", "one image of this key"), ("y", "y"),
                             ("z.v2", "an image of its own"), ("w", "w")}  # fmt: skip
    assert set(unused(corpus)) == {"0.tar: y.seg.png", "0.tar: v.txt"}


def test_two_images_of_one_key(tmp_path, picture, tar):
    tar(tmp_path / "set" / "0.tar", {"a.gif": b"GIF89a", "a.png": picture(1), "a.jpg": picture(2, format="JPEG")})
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert corpus.read_bytes(["a"]) == [picture(1)]
    reasons = [row["reason"] for row in pq.read_table(corpus.path / QUARANTINE_FILE).to_pylist()]
    assert len(reasons) == 2
    assert all("key 'a' has two images" in reason for reason in reasons)


@pytest.mark.parametrize("between", [b"", bytes(512), bytes(40_960)])
def test_joined_tars_are_read_to_the_end(tmp_path, picture, tar, between):
    parts = [tar(tmp_path / f"{n}.tar", {f"{n}.png": picture(n), f"{n}.txt": b"text"}).read_bytes() for n in range(3)]
    put(tmp_path / "set", {"0.tar": between.join(parts)})
    corpus = build(tmp_path / "set", tmp_path / "out")
    assert ids(corpus) == {"0", "1", "2"}
    assert len(texts(corpus)) == 3


@pytest.mark.parametrize("rest", [b"\n", b"noise" * 1000, bytes(700) + b"x"])
def test_what_lies_behind_a_tar_is_listed(tmp_path, picture, tar, rest):
    whole = tar(tmp_path / "0.tar", {"0.png": picture(0)}).read_bytes()
    corpus = build(put(tmp_path / "set", {"0.tar": whole + rest}), tmp_path / "out")
    assert ids(corpus) == {"0"}
    assert "bytes that are no tar" in unused(corpus)["0.tar: (behind the end)"]


def test_keys_of_tables_beside_tars(tmp_path, picture, tar):
    source = tmp_path / "set"
    tar(source / "train.tar", {f"train/{n}.png": picture(n) for n in range(4)})
    keys = ["train/0", "./train/1.png", "2", "3.png", "4", None]
    rows = [{"key": key, "caption": f"text {at}"} for at, key in enumerate(keys)]
    pq.write_table(pa.Table.from_pylist(rows), source / "train.parquet")
    corpus = build(source, tmp_path / "out")
    assert texts(corpus) == {(f"train/{n}", f"text {n}") for n in range(4)}
    assert set(unused(corpus)) == {"train.parquet: key 4", "train.parquet: key None"}


def test_equal_keys_in_tars_with_tables(tmp_path, picture, tar):
    source = tmp_path / "set"
    for at, name in enumerate(("cats", "dogs")):
        tar(source / f"{name}.tar", {f"{n}.png": picture(10 * at + n) for n in range(3)})
        pq.write_table(pa.table({"key": ["0", "1", "2"], "caption": [f"{name} {n}" for n in range(3)]}),
                       source / f"{name}.parquet")  # fmt: skip
    corpus = build(source, tmp_path / "out")
    assert texts(corpus) == {(f"{name}/{n}", f"{name} {n}") for name in ("cats", "dogs") for n in range(3)}


def test_nested_empty_and_other_tars(tmp_path, picture, tar):
    source = tmp_path / "set"
    for at, folder in enumerate(("Training", "val")):
        tar(source / folder / "00000.tar", {f"{at}{n}.png": picture(10 * at + n) for n in range(3)})
    tar(source / "val" / "00001.tar", {})
    tar(source / "val" / "00002.tar", {"x.json": b"{}", "y.txt": b"y"})
    tar(source / "val" / "00003.TAR", {"z.png": picture(50)})
    (source / "val" / "00004.tar.gz").write_bytes(b"\x1f\x8b" + bytes(600))
    (source / "val" / "00000_stats.json").write_text("{}")
    (source / "val" / "00009.parquet").write_bytes(b"x")
    corpus = build(source, tmp_path / "out")
    assert [shard.name for shard in corpus.manifest.shards] == ["Training-00000", "val-00000", "00003"]
    assert set(splits(corpus).items()) >= {("00", "train"), ("12", "val"), ("z", "val")}
    assert set(refused(corpus)) == {"x", "y"}
    assert unused(corpus) == {
        "val/00001.tar": "a tar without images",
        "val/00002.tar": "a tar without a usable image",
        "val/00004.tar.gz": "compressed, so images cannot be read at random; unpack it to a plain .tar",
        "val/00000_stats.json": "statistics of img2dataset",
        "val/00009.parquet": "no tar of this name beside it",
    }


@pytest.mark.parametrize("name", ["0.tar.gz", "0.tgz", "0.tar.bz2", "0.tar.xz"])
def test_compressed_tars_alone_say_so(tmp_path, name):
    (tmp_path / "set").mkdir()
    mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}[name.rpartition(".")[2]]
    with tarfile.open(tmp_path / "set" / name, mode) as tar:
        tar.add(__file__, "a.png")
    with pytest.raises(CorpusError, match="is compressed, so images cannot be read at random; unpack it"):
        build_corpus(str(tmp_path / "set"), tmp_path / "out")


def test_only_empty_tars(tmp_path, tar):
    tar(tmp_path / "set" / "0.tar", {})
    with pytest.raises(CorpusError, match="has no usable image; the tars are empty"):
        build_corpus(str(tmp_path / "set"), tmp_path / "out")


def test_images_beside_tars_and_tars_among_images(tmp_path, picture, tar):
    tar(tmp_path / "shards" / "0.tar", {"a.png": picture(1)})
    put(tmp_path / "shards", {"loose.png": picture(2), "page.jpg": b"<html>"})
    corpus = build(tmp_path / "shards", tmp_path / "out1")
    assert "an image beside tars" in unused(corpus)["loose.png"]
    assert set(unused(corpus)) == {"loose.png", "page.jpg"}
    put(tmp_path / "photos", {"a.png": picture(1), "b.png": picture(2)})
    tar(tmp_path / "photos" / "backup" / "old.tar", {"a.png": picture(1)})
    corpus = build(tmp_path / "photos", tmp_path / "out2")
    assert ids(corpus) == {"a", "b"}
    assert "a tar among images" in unused(corpus)["backup/old.tar"]
