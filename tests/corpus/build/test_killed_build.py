"""A build that is killed goes on where it was, and ends in the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build import shard_jobs
from vitrail.corpus.build.sources import image_folder
from vitrail.errors import CorpusError

SMALL_SHARDS = """
import sys, time
from pathlib import Path
from vitrail.corpus import build_corpus
from vitrail.corpus.build import workers
from vitrail.corpus.build.sources import image_folder

image_folder._SHARD_IMAGES = 4
pack = image_folder.pack_shard
def pack_slowly(job):
    time.sleep(0.2)
    return pack(job)
image_folder.pack_shard = pack_slowly
workers.os.sched_getaffinity = lambda _: {0}
build_corpus(sys.argv[1], Path(sys.argv[2]))
"""


@pytest.fixture
def photos(tmp_path, picture):
    for number in range(30):
        path = tmp_path / "photos" / f"class{number % 3}" / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number % 25))
        path.with_suffix(".txt").write_text(f"picture {number}")
    (tmp_path / "photos" / "class1" / "broken.png").write_bytes(picture(1)[:-20])
    return tmp_path / "photos"


@pytest.fixture
def packed(monkeypatch):
    """Small shards, packed in this process; lists those that were packed anew."""
    names = []

    def pack(job):
        is_new = shard_jobs.pack_shard(job)
        names.extend([job.name] * is_new)
        return is_new

    monkeypatch.setattr(image_folder, "_SHARD_IMAGES", 4)
    monkeypatch.setattr(image_folder, "pack_shard", pack)
    monkeypatch.setattr("vitrail.corpus.build.workers.os.sched_getaffinity", lambda _: {0})
    return names


def contents(corpus):
    return {path.relative_to(corpus): path.read_bytes() for path in sorted(corpus.rglob("*")) if path.is_file()}


def kill_in_the_middle(source: Path, out: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SMALL_SHARDS, str(source), str(out)])
    deadline = time.monotonic() + 120
    while len(list(out.parent.glob(f".{out.name}.work-*/*/done.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(tmp_path, photos, packed):
    whole = build_corpus(str(photos), tmp_path / "whole")
    assert len(packed) == 8
    packed.clear()
    kill_in_the_middle(photos, tmp_path / "killed")
    assert not (tmp_path / "killed").exists()
    assert build_corpus(str(photos), tmp_path / "killed") == whole
    assert 0 < len(packed) <= 5
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert check_corpus(tmp_path / "killed").num_quarantined == 1
    assert not [entry for entry in os.listdir(tmp_path) if entry.startswith(".")]


def test_what_changed_meanwhile_is_packed_anew(tmp_path, photos, packed, picture):
    kill_in_the_middle(photos, tmp_path / "killed")
    (photos / "class0" / "00.png").write_bytes(picture(99))
    manifest = build_corpus(str(photos), tmp_path / "killed")
    assert "00000" in packed
    assert len(packed) < 8
    assert manifest == build_corpus(str(photos), tmp_path / "anew")


def test_another_build_removes_what_a_killed_one_left(tmp_path, photos, packed):
    kill_in_the_middle(photos, tmp_path / "killed")
    build_corpus("emoji-mini", tmp_path / "killed")
    assert not [entry for entry in os.listdir(tmp_path) if entry.startswith(".")]


def test_a_refused_build_leaves_nothing(tmp_path, photos, packed):
    (photos / "tasks.json").write_text('{"size": {"kind": "retrieval"}}')
    with pytest.raises(CorpusError, match="no column for task 'size'"):
        build_corpus(str(photos), tmp_path / "refused")
    assert sorted(os.listdir(tmp_path)) == ["photos"]


def test_a_script_without_a_guard_builds_once(tmp_path, photos):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom vitrail.corpus import build_corpus\n"
        "from vitrail.corpus.build.sources import image_folder\nfrom vitrail.corpus.build import workers\n"
        "image_folder._SHARD_IMAGES = 16\nworkers.os.sched_getaffinity = lambda _: {0, 1}\n"
        "print('built', build_corpus(sys.argv[1], Path(sys.argv[2])).num_images)\n"
    )
    command = [sys.executable, str(script), str(photos), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout == "built 30\n"


def test_trusted_images_are_not_decoded_and_equal_ones_share_a_split(tmp_path, photos, monkeypatch):
    def refuse(data):
        raise AssertionError("decoded")

    monkeypatch.setattr(shard_jobs, "thumbnail_of", refuse)
    manifest = build_corpus(str(photos), tmp_path / "out", is_trusted=True)
    assert (manifest.num_images, manifest.num_quarantined) == (31, 0)  # the reader finds the broken one
    groups = check_and_group(tmp_path / "out")
    assert groups["class0/00"] == groups["class1/25"]
    assert len(set(groups.values())) == 26


def check_and_group(folder):
    check_corpus(folder)
    splits = open_corpus(folder).splits()
    return dict(zip(splits["image_id"].to_pylist(), splits["group"].to_pylist(), strict=True))


def test_a_corpus_by_name_cannot_be_trusted(tmp_path):
    with pytest.raises(CorpusError, match="only a folder of yours can be trusted"):
        build_corpus("emoji-mini", tmp_path / "out", is_trusted=True)
