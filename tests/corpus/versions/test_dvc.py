import json
import shutil
import subprocess
import sys

import pytest

from builders import REPOSITORY
from vitrail.corpus.versions import dvc as versions
from vitrail.corpus.versions.dvc import checkout_corpus, dvc_digest, restore_data, track_data
from vitrail.errors import CorpusError


def run(folder, *command):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def dvc(folder, *arguments):
    return run(folder, sys.executable, "-m", "dvc", *arguments)


def commit(folder):
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "data")
    return run(folder, "git", "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def origin(tmp_path_factory, mini_corpus):
    """A repository like this one whose data/ holds emoji-mini, pushed to its local remote."""
    folder = tmp_path_factory.mktemp("origin")
    run(folder, "git", "init", "-q")
    (folder / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore", ".gitignore"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    shutil.copytree(mini_corpus, folder / "data" / "emoji-mini")
    track_data(folder)
    commit(folder)
    dvc(folder, "push", "-q")
    return folder


@pytest.fixture
def clone(origin, tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "TRACKED_CORPORA", ("emoji-mini",))
    run(tmp_path, "git", "clone", "-q", str(origin), "clone")
    return tmp_path / "clone"


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_data_dvc_is_what_dvc_writes_plus_the_list_of_files(origin):
    text = (origin / "data.dvc").read_text()
    assert dvc_digest(origin) in text
    assert versions._digest_tree(versions._listed_files(origin, dvc_digest(origin))) == dvc_digest(origin)
    dvc(origin, "add", "-q", "data")
    assert (origin / "data.dvc").read_text() == text
    assert json.loads(dvc(origin, "status", "--json")) == {}


def test_pull_when_the_remote_has_it(clone, origin, mini_corpus, monkeypatch):
    shutil.copytree(origin / ".dvc-remote", clone / ".dvc-remote")
    monkeypatch.setattr(versions, "build_corpus", None)  # must not be needed
    assert restore_data(clone) == dvc_digest(origin)
    assert files(clone / "data" / "emoji-mini") == files(mini_corpus)
    shutil.rmtree(clone / "data" / "emoji-mini" / "shards")
    restore_data(clone)
    assert files(clone / "data" / "emoji-mini") == files(mini_corpus)


def test_rebuild_when_it_has_not_then_dvc_works_by_hand(clone, mini_corpus):
    checkout = checkout_corpus(clone, "emoji-mini", cache=clone / "runs")
    assert checkout.path == clone / "data" / "emoji-mini"
    assert checkout.git_revision == run(clone, "git", "rev-parse", "HEAD")
    assert files(checkout.path) == files(mini_corpus)
    assert run(clone, "git", "status", "--porcelain") == ""
    assert "up to date" in dvc(clone, "status")
    shutil.rmtree(clone / "data")
    shutil.rmtree(clone / ".dvc" / "cache")
    dvc(clone, "pull")  # from what the rebuild pushed
    assert files(checkout.path) == files(mini_corpus)


def test_rebuild_that_differs_names_the_files(clone, monkeypatch):
    def build_otherwise(source, out):
        manifest = build(source, out)
        (out / "splits.parquet").write_bytes(b"other")
        (out / "tasks" / "concept.parquet").unlink()
        (out / "notes.txt").write_bytes(b"new")
        return manifest

    build = versions.build_corpus
    monkeypatch.setattr(versions, "build_corpus", build_otherwise)
    with pytest.raises(CorpusError) as caught:
        restore_data(clone)
    message = str(caught.value)
    assert "different: emoji-mini/splits.parquet" in message
    assert "missing: emoji-mini/tasks/concept.parquet" in message
    assert "new: emoji-mini/notes.txt" in message
    assert "make install" in message
    assert not (clone / "data").exists()


def test_rebuild_that_differs_without_a_list(clone, monkeypatch):
    pointer = clone / "data.dvc"
    text = pointer.read_text()
    wrong = text[: text.index("meta:")].replace(dvc_digest(clone), f"{'0' * 32}.dir")
    pointer.write_text(wrong)
    with pytest.raises(CorpusError, match="the total digest differs"):
        restore_data(clone)
    assert pointer.read_text() == wrong
    assert not (clone / "data").exists()


def test_own_files_are_never_overwritten(clone):
    (clone / "data").mkdir()
    (clone / "data" / "mine.txt").write_text("precious")
    with pytest.raises(CorpusError, match=r"mine\.txt would be lost; keep the files with `dvc add data`"):
        restore_data(clone)
    assert (clone / "data" / "mine.txt").read_text() == "precious"


def test_another_revision_is_put_beside(clone, origin, mini_corpus):
    shutil.copytree(origin / ".dvc-remote", clone / ".dvc-remote")
    first = run(clone, "git", "rev-parse", "HEAD")
    digest = restore_data(clone)
    (clone / "data" / "emoji-mini" / "README").write_text("second edition")
    track_data(clone)
    commit(clone)
    dvc(clone, "push", "-q")
    shutil.rmtree(clone / ".dvc" / "cache")
    assert dvc_digest(clone, first) == digest != dvc_digest(clone)
    checkout = checkout_corpus(clone, "emoji-mini", revision="HEAD~1", cache=clone / "runs" / "corpora")
    assert (checkout.dvc_digest, checkout.git_revision) == (digest, first)
    assert checkout.path.is_relative_to(clone / "runs" / "corpora")
    assert files(checkout.path) == files(mini_corpus)
    assert (clone / "data" / "emoji-mini" / "README").exists()


def test_unknown_revision_corpus_and_broken_pointer(clone):
    with pytest.raises(CorpusError, match=r"git show nowhere:data\.dvc` failed"):
        dvc_digest(clone, "nowhere")
    with pytest.raises(CorpusError, match=r"'openclipart' is not tracked in data/ .*vitrail corpus build"):
        checkout_corpus(clone, "openclipart", cache=clone)
    (clone / "data.dvc").write_text("outs: []\n")
    with pytest.raises(CorpusError, match="does not track one folder"):
        dvc_digest(clone)
    (clone / "data.dvc").unlink()
    with pytest.raises(CorpusError, match=r"data\.dvc is missing; restore it with `git checkout"):
        restore_data(clone)
