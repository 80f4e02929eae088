"""A source of corpora more is a file more."""

import pytest

from vitrail.contracts.corpus import CorpusManifest
from vitrail.corpus import build_corpus, check_corpus
from vitrail.corpus.build import builders, sources

SOURCE = """
from vitrail.corpus.build.sources.image_folder import build_folder
from vitrail.corpus.build.folder_files import find_files
from vitrail.corpus.build.source import FolderLayout, NamedCorpus, Workplace

def build_toys(folder, cache):
    return build_folder(find_files(cache), folder, "toys", Workplace(folder=cache.with_name("work")))

SOURCES = (
    NamedCorpus(name="toys", build=build_toys),
    FolderLayout(
        rank=0,
        recognises=lambda files: any(path.name == "toys.ini" for path in files.others),
        build=lambda files, folder, name, workplace: build_folder(files, folder, f"toys of {name}", workplace),
    ),
)
"""


@pytest.fixture
def _toy_source(tmp_path, monkeypatch):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "toy_shop.py").write_text(SOURCE)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path / "more")])
    builders._sources.cache_clear()
    yield
    builders._sources.cache_clear()


@pytest.mark.usefixtures("_toy_source")
def test_a_source_is_one_file(tmp_path, picture):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(picture(1))
    assert build_corpus("toys", tmp_path / "named", cache=photos).name == "toys"
    assert builders.corpus_names() == (
        "emoji",
        "emoji-mini",
        "emoji12",
        "icons",
        "icons-20k",
        "icons-60k",
        "openclipart",
        "toys",
    )
    assert build_corpus(str(photos), tmp_path / "plain").name == "photos"
    (photos / "toys.ini").write_text("x")
    manifest: CorpusManifest = build_corpus(str(photos), tmp_path / "recognised")
    assert manifest.name == "toys of photos"
    check_corpus(tmp_path / "recognised")
