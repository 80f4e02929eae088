import io
import os
from collections import Counter
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from PIL import Image

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build.sources.openclipart import build_from_tree
from vitrail.errors import CorpusError

SVG = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:cc="http://web.resource.org/cc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<metadata><rdf:RDF><cc:Work rdf:about="">
<dc:title>{title}</dc:title><dc:description>{description}</dc:description>
<dc:subject><rdf:Bag><rdf:li>{keyword}</rdf:li><rdf:li></rdf:li><rdf:li>animal</rdf:li></rdf:Bag></dc:subject>
<dc:publisher><cc:Agent><dc:title>Open Clip Art Library</dc:title></cc:Agent></dc:publisher>
<dc:creator><cc:Agent><dc:title>Ralf Stephan</dc:title></cc:Agent></dc:creator>
<dc:date>{date}</dc:date>
</cc:Work></rdf:RDF></metadata></svg>"""


def add(root, name, data, title="", description="", keyword="", date=""):
    for kind, content in (("png", data), ("svg", None)):
        path = root / kind / f"{name}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        svg = SVG.format(title=title, description=description, keyword=keyword, date=date)
        path.write_bytes(content if content is not None else svg.encode())


def link(root, name, target):
    for kind in ("png", "svg"):
        path = root / kind / f"{name}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(os.path.relpath(root / kind / f"{target}.{kind}", path.parent), path)


@pytest.fixture
def tree(tmp_path, picture):
    root = tmp_path / "openclipart"
    for number in range(60):
        add(root, f"animals/birds/penguin_{number:02d}_ralf_ste_01", picture(number), title="Penguin")
        add(root, f"computer/icons/icon{number}", picture(100 + number))
    add(root, "animals/owl_ralf_ste_01", picture(300), "Owl", "It sleeps &amp; flies", "bird", "2005-08-21")
    add(root, "animals/crow_01", picture(301), date="2005/06/31")
    add(root, "unsorted/anatra", picture(302), title="Anatra")
    link(root, "office/birds/wise_owl_01", "animals/owl_ralf_ste_01")
    bomb = io.BytesIO()
    Image.new("1", (14464, 16000)).save(bomb, "PNG")
    add(root, "computer/microchip_v.2_01", bomb.getvalue(), title="Microchip")
    return root


@pytest.fixture
def corpus(tree, tmp_path):
    (tmp_path / "corpus").mkdir()
    build_from_tree(tmp_path / "corpus", tree)
    check_corpus(tmp_path / "corpus")
    return open_corpus(tmp_path / "corpus")


def test_texts_of_files_and_of_links(corpus):
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    owl = [(row["post_id"], row["source"], row["text"]) for row in rows if row["image_id"] == "animals/owl_ralf_ste_01"]
    assert owl == [
        ("animals/owl_ralf_ste_01", "title", "Owl"),
        ("animals/owl_ralf_ste_01", "description", "It sleeps & flies"),
        ("animals/owl_ralf_ste_01", "keyword", "bird"),
        ("animals/owl_ralf_ste_01", "keyword", "animal"),
        ("animals/owl_ralf_ste_01", "board", "animals"),
        ("animals/owl_ralf_ste_01", "file_name", "owl"),
        ("office/birds/wise_owl_01", "board", "office"),
        ("office/birds/wise_owl_01", "board", "birds"),
        ("office/birds/wise_owl_01", "file_name", "wise owl"),
    ]
    times = {row["image_id"]: row["observed_at"] for row in rows}
    assert times["animals/owl_ralf_ste_01"] == datetime(2005, 8, 21, tzinfo=UTC)
    assert times["animals/crow_01"] == datetime(2005, 10, 31, tzinfo=UTC)  # 31 June is no day
    assert {row["text"] for row in rows if row["image_id"] == "unsorted/anatra"} == {
        "Anatra",
        "animal",
        "anatra",
    }


def test_bomb_is_quarantined_and_counted(corpus):
    (row,) = pq.read_table(corpus.path / "quarantine.parquet").to_pylist()
    assert row["image_id"] == "computer/microchip_v_2_01"
    assert "14464 x 16000 = 231,424,000 pixels is more than the limit" in row["reason"]
    assert corpus.manifest.num_quarantined == 1
    assert corpus.manifest.num_images == 123


def test_tasks(corpus, tree):
    category, _ = corpus.manifest.tasks
    assert category.classes == ("animals", "computer")
    labels = {row["image_id"]: row["label"] for row in corpus.task_labels("category").to_pylist()}
    assert "unsorted/anatra" not in labels
    assert Counter(labels.values()) == {"animals": 62, "computer": 60}
    assert Counter(corpus.task_labels("series")["label"].to_pylist()) == {
        "animals/birds/penguin_ralf_ste": 60,
        "computer/icons/icon": 60,
    }
    png = tree / "png" / "animals" / "birds" / "penguin_07_ralf_ste_01.png"
    assert corpus.read_bytes(["animals/birds/penguin_07_ralf_ste_01"]) == [png.read_bytes()]


def test_wrong_package_is_refused(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "openclipart-png_1%3a0.18+dfsg-19_all.deb").write_bytes(b"not the one")
    with pytest.raises(CorpusError, match=r"is not the package that is pinned .*delete it and try again"):
        build_corpus("openclipart", tmp_path / "out", cache=cache)
    assert not (tmp_path / "out").exists()


def test_without_apt_there_is_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorpusError, match=r"apt-get is not on this machine; openclipart needs Debian or Ubuntu"):
        build_corpus("openclipart", tmp_path / "out", cache=tmp_path / "cache")


def test_failed_download_shows_what_apt_says(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "apt-get"
    script.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(CorpusError, match=r"failed: E: Unable to locate package; .*apt-get update"):
        build_corpus("openclipart", tmp_path / "out", cache=tmp_path / "cache")
