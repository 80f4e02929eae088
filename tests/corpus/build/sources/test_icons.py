import os
from datetime import UTC, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest

from builders.icon_packages import icon_set, square, write_package
from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build.sources.icons import build_from_package
from vitrail.corpus.pixels.decode import decode_image
from vitrail.errors import CorpusError

LINES = {
    f"thing{number}{style}": square(number / 4 + 1 + extra)
    for number in range(60)
    for style, extra in (("", 0), ("-bold", 0.1))
}
OTHERS = {f"thing{number}": square(number / 4 + 1.2) for number in range(60)}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    sets = (
        icon_set(
            "lines",
            LINES
            | {
                "wide": {"body": '<circle cx="24" cy="12" r="8" fill="currentColor"/>', "width": 48},
                "red": {"body": '<path fill="red" d="M0 0h24v24H0z"/>'},
                "gone": square(1) | {"hidden": True},
                "moving": {"body": '<path d="M0 0h9v9z"><animate attributeName="d"/></path>'},
                "blank": {"body": '<path fill="none" d="M0 0h9v9z"/>'},
                "broken": {"body": "<path"},
            },
            name="Fine Lines",
            suffixes={"": "Regular", "bold": "Bold"},
            aliases={
                "object-1": {"parent": "thing1"},
                "object-one": {"parent": "object-1"},
                "turned": {"parent": "thing1", "hFlip": True},
                "lost": {"parent": "gone"},
            },
            categories={"Food / Drink": ["thing1", "thing2"], "Weather": ["thing2", "thing3"], "": ["thing1"]},
        ),
        icon_set("others", OTHERS, licence="Apache-2.0"),
        icon_set("flags", {"thing1": square(3)}, name="Round Flags"),
        icon_set("shared-alike", {"thing1": square(4)}, licence="CC-BY-SA-4.0"),
    )
    return write_package(tmp_path_factory.mktemp("icons") / "package.tgz", sets)


def build(package, folder, max_images=None, processes=2):
    folder.mkdir()
    build_from_package(folder, package, name="some", max_images=max_images, processes=processes)
    check_corpus(folder)
    return open_corpus(folder)


@pytest.fixture(scope="module")
def corpus(package, tmp_path_factory):
    return build(package, tmp_path_factory.mktemp("corpus") / "all")


def test_texts_are_names_aliases_categories_and_set(corpus):
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    assert [(row["source"], row["text"]) for row in rows if row["image_id"] == "lines/thing1"] == [
        ("title", "thing1"),
        ("alias", "object 1"),
        ("alias", "object one"),
        ("board", "Food / Drink"),
        ("collection", "Fine Lines"),
    ]
    assert {row["observed_at"] for row in rows} == {datetime.fromtimestamp(1_700_000_000, UTC)}


def test_splits_keep_a_name_together_over_sets_and_styles(corpus):
    rows = {row["image_id"]: row for row in corpus.splits().to_pylist()}
    assert {rows[name]["group"] for name in ("lines/thing7", "lines/thing7-bold", "others/thing7")} == {"thing7"}
    splits = {}
    for row in rows.values():
        splits.setdefault(row["group"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert {row["domain"] for row in rows.values()} == {"lines", "others"}


def test_tasks(corpus):
    concept, category = (corpus.task_labels(name) for name in ("concept", "category"))
    concepts = dict(zip(concept["image_id"].to_pylist(), concept["label"].to_pylist(), strict=True))
    assert len(concepts) == 180
    assert concepts["others/thing7"] == concepts["lines/thing7-bold"] == "thing7"
    assert "lines/red" not in concepts  # no other family draws it
    assert {row["image_id"]: row["label"] for row in category.to_pylist()} == {
        f"{name}{number}{style}": theme
        for number, theme in ((1, "food"), (3, "weather"))  # 2 is in both
        for name, style in (("lines/thing", ""), ("lines/thing", "-bold"), ("others/thing", ""))
    }


def test_pictures(corpus):
    wide, red, thing = (decode_image(data) for data in corpus.read_bytes(["lines/wide", "lines/red", "lines/thing40"]))
    assert wide.shape == (72, 72, 3)
    rows, columns = np.nonzero(wide[:, :, 0] < 128)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (24, 47, 24, 47)  # half as large, in the middle
    assert (red == (255, 0, 0)).all()
    assert (thing[12:45, 12:45] == 0).all()  # the open colour is black
    assert (thing[:12] == 255).all()


def test_what_is_not_used_is_said(corpus):
    unused = {row["name"]: row["reason"] for row in pq.read_table(corpus.path / "unused.parquet").to_pylist()}
    assert unused == {
        "flags: 1 drawings": "a set of emoji, flags or logos by its title",
        "shared-alike: 1 drawings": "licence CC-BY-SA-4.0 is not permissive",
        "lines: 1 withdrawn": "the set has withdrawn it",
        "lines: 1 animated": "its first moment may be empty",
        "lines: 1 turned aliases": "the alias stands for the drawing turned or mirrored",
        "lines: 1 lost aliases": "the alias stands for a drawing that is not used",
    }
    quarantine = pq.read_table(corpus.path / "quarantine.parquet").to_pylist()
    assert [row["image_id"] for row in quarantine] == ["lines/blank", "lines/broken"]
    assert "nothing is seen" in quarantine[0]["reason"]
    assert "no SVG that can be drawn" in quarantine[1]["reason"]
    assert corpus.manifest.num_images == 182


def test_card_names_every_set(corpus):
    lines, others = corpus.manifest.licences
    assert (
        lines
        == "Fine Lines (lines), 124 drawings, rendered to PNG: MIT, by author of lines (https://example.org/lines)"
    )
    assert others.startswith("Others (others), 60 drawings, rendered to PNG: Apache-2.0")


def test_the_number_of_processes_does_not_count(package, tmp_path, monkeypatch):
    monkeypatch.setattr("vitrail.corpus.build.sources.icons._SHARD_IMAGES", 40)
    one, two = (build(package, tmp_path / f"by{number}", processes=number) for number in (1, 2))
    assert len(one.manifest.shards) == 5
    assert one.manifest == two.manifest


def test_smaller_corpora_are_part_of_larger_ones(package, corpus, tmp_path):
    small, medium = (build(package, tmp_path / str(size), max_images=size) for size in (20, 60))
    small_rows, medium_rows, all_rows = (
        {row["image_id"]: row for row in found.splits().to_pylist()} for found in (small, medium, corpus)
    )
    assert small_rows.items() < medium_rows.items() < all_rows.items()
    assert (len(small_rows), len(medium_rows)) == (20, 60)
    assert len({row["group"] for row in medium_rows.values()}) == 30  # one drawing of each of two sets
    unused = {row["name"] for row in pq.read_table(medium.path / "unused.parquet").to_pylist()}
    assert {"lines: 94 further drawings", "others: 30 further drawings"} <= unused


def test_without_npm_there_is_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorpusError, match=r"npm is not on this machine; .*Node\.js.*iconify-json-2\.2\.535\.tgz"):
        build_corpus("icons-20k", tmp_path / "out", cache=tmp_path / "cache")
    assert not (tmp_path / "out").exists()


def test_what_npm_says_is_shown(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "npm"
    script.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(CorpusError, match=r"`npm pack .*@iconify/json@2\.2\.535` failed: npm error code ENOTFOUND; "):
        build_corpus("icons-20k", tmp_path / "out", cache=tmp_path / "cache")


def test_another_package_is_refused(tmp_path):
    (tmp_path / "iconify-json-2.2.535.tgz").write_bytes(b"not the one")
    with pytest.raises(CorpusError, match=r"is not the package that is pinned .*delete it and try again"):
        build_corpus("icons-60k", tmp_path / "out", cache=tmp_path)
