import resource
import signal
import subprocess
import sys
import time

import pytest

from vitrail.contracts.corpus import UNUSED_FILE, UNUSED_SCHEMA
from vitrail.corpus import build_corpus, check_corpus, resolve_corpus
from vitrail.corpus.store.tables import read_table
from vitrail.errors import CorpusError

BUILD = "import sys; from pathlib import Path; from vitrail.corpus import build_corpus; "


def partial_folders(folder):
    return [entry.name for entry in folder.iterdir() if ".partial-" in entry.name]


def test_killed_build_leaves_nothing_visible_and_the_next_removes_the_rest(tmp_path):
    out = tmp_path / "corpus"
    process = subprocess.Popen([sys.executable, "-c", BUILD + "build_corpus('emoji', Path(sys.argv[1]))", str(out)])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".corpus.partial-*/shards/*.tar")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    assert len(partial_folders(tmp_path)) == 1
    build_corpus("emoji-mini", out)
    assert partial_folders(tmp_path) == []
    assert check_corpus(out).name == "emoji-mini"


def test_builds_beside_each_other_wait_for_each_other(tmp_path):
    command = [
        sys.executable,
        "-c",
        BUILD + "build_corpus('emoji-mini', Path(sys.argv[1]))",
        str(tmp_path / "corpus"),
    ]
    for process in [subprocess.Popen(command) for _ in range(2)]:
        assert process.wait() == 0
    check_corpus(tmp_path / "corpus")


def limit_files(num_bytes):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing past the limit is an OSError, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))


def test_full_disk_names_file_and_remedy_and_keeps_the_old_corpus(tmp_path, mini_corpus):
    out = tmp_path / "corpus"
    build_corpus("emoji-mini", out)
    before = check_corpus(out)
    code = BUILD + "build_corpus('emoji-mini', Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)],
        preexec_fn=lambda: limit_files(50_000),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("OSError")
    assert "File too large: corpus 'emoji-mini' was not built" in last
    assert "free space or choose another folder, and build again" in last
    assert str(tmp_path) in last
    assert check_corpus(out) == before
    assert partial_folders(tmp_path) == []


def test_a_folder_that_is_no_corpus_is_never_replaced(tmp_path, picture):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(picture(1))
    for out in (photos, photos / "a.png"):
        with pytest.raises(CorpusError, match="exists and is not a corpus; nothing in it was touched"):
            build_corpus(str(photos), out)
    assert (photos / "a.png").read_bytes() == picture(1)
    (tmp_path / "empty").mkdir()
    build_corpus(str(photos), tmp_path / "empty")
    assert check_corpus(tmp_path / "empty").num_images == 1


def test_resolve_takes_names_folders_and_built_corpora(tmp_path, mini_corpus, picture):
    cache = tmp_path / "cache"
    built = resolve_corpus(str(mini_corpus), repository=tmp_path, cache=cache)
    assert (built.path, built.git_revision, built.dvc_digest) == (mini_corpus, None, None)
    mini = resolve_corpus("emoji-mini", repository=tmp_path, cache=cache)
    assert mini.path == cache / "emoji-mini"
    assert mini.manifest.digest == built.manifest.digest

    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(1))
    first = resolve_corpus(str(folder), repository=tmp_path, cache=cache)
    assert (first.manifest.name, first.manifest.num_images) == ("photos", 1)
    assert resolve_corpus(str(folder), repository=tmp_path, cache=cache).path == first.path
    (folder / "b.png").write_bytes(picture(2))
    assert resolve_corpus(str(folder), repository=tmp_path, cache=cache).manifest.num_images == 2

    with pytest.raises(CorpusError, match="'nowhere' is neither a corpus"):
        resolve_corpus("nowhere", repository=tmp_path, cache=cache)
    with pytest.raises(CorpusError, match="has no revision 'HEAD'"):
        resolve_corpus("emoji-mini", repository=tmp_path, revision="HEAD", cache=cache)


def test_a_revision_needs_a_clone(tmp_path):
    """Else the tracked corpus would be built from the packages, whatever revision was asked for."""
    with pytest.raises(CorpusError, match=rf"'v1' of 'emoji' .*{tmp_path} is not a git clone .*--repository"):
        resolve_corpus("emoji", repository=tmp_path, revision="v1", cache=tmp_path)


def test_without_git_or_the_repository_there_is_no_revision(tmp_path, mini_corpus, monkeypatch):
    assert resolve_corpus(str(mini_corpus), repository=tmp_path / "absent", cache=tmp_path).git_revision is None
    monkeypatch.setenv("PATH", "")
    assert resolve_corpus(str(mini_corpus), repository=tmp_path, cache=tmp_path).git_revision is None
    with pytest.raises(CorpusError, match=r"cannot be checked out: .*--repository"):
        resolve_corpus("emoji", repository=tmp_path, revision="v1", cache=tmp_path)


def test_damage_in_the_cache_is_noticed(tmp_path):
    mini = resolve_corpus("emoji-mini", repository=tmp_path, cache=tmp_path)
    (mini.path / "shards" / "00000.tar").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"00000\.tar is 0 bytes"):
        resolve_corpus("emoji-mini", repository=tmp_path, cache=tmp_path)


@pytest.mark.parametrize("name", ["a\0b", "caf\udce9"])
def test_a_folder_that_no_table_can_name_is_refused(tmp_path, name):
    with pytest.raises(CorpusError, match="whose name is not UTF-8; choose another"):
        build_corpus("emoji-mini", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_source_is_not_the_present_folder(tmp_path, picture, monkeypatch):
    (tmp_path / "a.png").write_bytes(picture(1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match="'' is neither a corpus"):
        build_corpus("", tmp_path / "corpus")


def test_only_a_full_disk_asks_for_space(tmp_path, picture):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(picture(1))
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="make sure that this path can be read and written, and build again") as caught:
        build_corpus(str(photos), tmp_path / "file" / "corpus")
    assert "free space" not in str(caught.value)


def test_folders_that_all_link_to_each_other_end(tmp_path, picture):
    folders = [tmp_path / "photos" / f"{number}" for number in range(8)]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(picture(number))
    for folder in folders:
        for other in folders:
            if other != folder:
                (folder / f"to-{other.name}").symlink_to(other)
    build_corpus(str(tmp_path / "photos"), tmp_path / "corpus")
    reasons = read_table(tmp_path / "corpus" / UNUSED_FILE, UNUSED_SCHEMA, "")["reason"].to_pylist()
    assert "a link to a folder that was read 16 times, by other links" in reasons
    assert "a link to a folder that it lies in" in reasons


def test_a_long_word_does_not_fill_the_screen(tmp_path, picture, caplog):
    for number, label in enumerate(["x" * 100_000, "x" * 100_000, "b", "b", "c" * 100_000]):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
        (tmp_path / f"{number}.cls").write_text(label)
    build_corpus(str(tmp_path), tmp_path.with_name("corpus-of-long-words"))
    assert any("one image each" in message for message in caplog.messages)
    assert max(map(len, caplog.messages)) < 1000
