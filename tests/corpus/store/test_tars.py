import hashlib
import io
import tarfile

import pytest

from vitrail.corpus.build.indexing import index_shard
from vitrail.corpus.store.tar_writing import TarWriter, write_tar
from vitrail.corpus.store.tars import read_members
from vitrail.errors import CorpusError


def test_writing_twice_gives_identical_ustar_bytes(tmp_path, picture):
    members = [("a.png", picture(1)), ("folder/b.png", picture(2))]
    write_tar(tmp_path / "1.tar", members)
    write_tar(tmp_path / "2.tar", members)
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    with tarfile.open(tmp_path / "1.tar") as tar:
        infos = tar.getmembers()
    assert {(info.mtime, info.uid, info.gid, info.uname) for info in infos} == {(0, 0, 0, "")}
    assert [(info.name, info.size) for info in infos] == [(name, len(data)) for name, data in members]


def test_index_points_at_the_bytes(tmp_path, picture, tar):
    members = {
        "a.png": picture(1),
        "a.txt": b"one",
        "b.jpg": picture(2, format="JPEG"),
        "c.webp": picture(3, format="WEBP"),
    }
    shard = index_shard(tar(tmp_path / "00000.tar", members))
    data = shard.path.read_bytes()
    rows = shard.index.to_pylist()
    assert [(row["image_id"], row["format"]) for row in rows] == [("a", "png"), ("b", "jpeg"), ("c", "webp")]
    for row, name in zip(rows, ("a.png", "b.jpg", "c.webp"), strict=True):
        image = data[row["offset"] : row["offset"] + row["size"]]
        assert image == members[name]
        assert row["digest"] == hashlib.sha256(image).hexdigest()
    assert shard.read(shard.texts["a"]["txt"]) == b"one"
    assert shard.info.num_images == 3


def test_bad_images_are_quarantined_with_a_reason(tmp_path, picture, tar):
    members = {
        "good.png": picture(1),
        "cut.png": picture(2)[:-30],
        "empty.jpg": b"",
        "text.jpg": b"<html>404",
        "animation.gif": b"GIF89a",
        "lonely.json": b"{}",
        "wrong_name.jpg": picture(3, format="WEBP"),
    }
    shard = index_shard(tar(tmp_path / "7.tar", members))
    reasons = {row["image_id"]: row["reason"] for row in shard.quarantine.to_pylist()}
    assert shard.index["image_id"].to_pylist() == ["good", "wrong_name"]
    assert shard.index["format"].to_pylist() == ["png", "webp"]  # from the bytes, not from the name
    assert sorted(reasons) == ["animation", "cut", "empty", "lonely", "text"]
    assert "truncated" in reasons["cut"]
    assert "no image" in reasons["lonely"]
    assert set(shard.quarantine["shard"].to_pylist()) == {"7"}


@pytest.mark.parametrize("keep", [100, 700, 1024, 3000])
def test_truncated_tar(tmp_path, picture, tar, keep):
    path = tar(tmp_path / "cut.tar", {f"{number}.png": picture(number) for number in range(5)})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorpusError, match=r"cut\.tar is truncated"):
        index_shard(path)


def test_cut_between_two_members(tmp_path, picture, tar):
    path = tar(tmp_path / "cut.tar", {"0.png": picture(0), "1.png": picture(1)})
    second = list(read_members(path))[1]
    path.write_bytes(path.read_bytes()[: second.offset - 512])
    with pytest.raises(CorpusError, match="no end marker; copy or download it again"):
        index_shard(path)


def test_empty_compressed_and_foreign_files(tmp_path, picture):
    empty = tmp_path / "empty.tar"
    empty.write_bytes(b"")
    with pytest.raises(CorpusError, match=r"empty\.tar is empty \(0 bytes\)"):
        index_shard(empty)
    with tarfile.open(tmp_path / "zipped.tar", "w:gz") as tar:
        tar.add(__file__, "a.png")
    with pytest.raises(CorpusError, match=r"is compressed.*unpack it"):
        index_shard(tmp_path / "zipped.tar")
    foreign = tmp_path / "foreign.tar"
    foreign.write_bytes(picture(1) * 20)
    with pytest.raises(CorpusError, match="truncated or not a tar"):
        index_shard(foreign)


def header(size: bytes) -> bytes:
    block = bytearray(tarfile.TarInfo("a.png").tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "size", [b"\xff" * 12, b"\xff" * 10 + b"\xfe\0", b"\x80" + b"\x7f" * 11, b"77777777777\0", b"zzzzzzzzzzz\0"]
)
def test_a_size_that_cannot_be_is_said_of_the_tar(tmp_path, picture, tar, size):
    path = tar(tmp_path / "lying.tar", {"b.png": picture(1)})
    path.write_bytes(header(size) + path.read_bytes())
    with pytest.raises(CorpusError, match=r"lying\.tar is truncated.*copy or download it again"):
        index_shard(path)


@pytest.mark.parametrize(
    "records",
    [
        {"GNU.sparse.map": "a,b", "GNU.sparse.size": "9"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "x"},
    ],
)
def test_records_that_are_no_numbers_are_said_of_the_tar(tmp_path, picture, records):
    path = tmp_path / "lying.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a.png")
        info.size, info.pax_headers = len(picture(1)), records
        tar.addfile(info, io.BytesIO(picture(1)))
    with pytest.raises(CorpusError, match=r"lying\.tar is truncated or not a tar.*copy or download it again"):
        index_shard(path)


def test_names_upon_names_end(tmp_path):
    info = tarfile.TarInfo("x")
    info.type = tarfile.GNUTYPE_LONGNAME
    (tmp_path / "lying.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) * 5000)
    with pytest.raises(CorpusError, match=r"lying\.tar is truncated or not a tar"):
        index_shard(tmp_path / "lying.tar")


def test_a_tar_is_written_as_tarfile_writes_it(tmp_path):
    names = ["a/b.png", "é" * 30 + ".jpg", "n" * 100, "d" * 60 + "/" + "e" * 60 + ".png"]
    members = [(name, bytes(range(256)) * 7 + b"x" * number) for number, name in enumerate(names)]
    members += [(f"{size}.png", b"y" * size) for size in (0, 1, 511, 512, 513)]
    with tarfile.open(tmp_path / "expected.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with TarWriter(tmp_path / "found.tar") as writer:
        offsets = [writer.add(name, data) for name, data in members]
    written = (tmp_path / "found.tar").read_bytes()
    assert written == (tmp_path / "expected.tar").read_bytes()
    assert (writer.size, writer.digest) == (len(written), hashlib.sha256(written).hexdigest())
    assert [member.offset for member in read_members(tmp_path / "found.tar")] == offsets
