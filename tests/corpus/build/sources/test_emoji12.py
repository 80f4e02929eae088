import pyarrow.parquet as pq
import pytest

from builders.icon_packages import icon_set, square, write_package
from vitrail.corpus import check_corpus, open_corpus
from vitrail.corpus.build.emoji.codes import concept_of, family_of
from vitrail.corpus.build.sources.emoji import MINI_CONCEPTS, emoji_drawings
from vitrail.corpus.build.sources.emoji12 import build_with_package


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    sets = (
        icon_set(
            "noto",
            {
                "dog-face": square(1),
                "red-apple": square(2),
                "waving-hand-dark-skin-tone": square(3),
                "own-drawing": square(4),
                "rocket": square(1),  # the picture of the dog: joins nothing
            },
            chars={
                "1f436": "dog-face",
                "1f34e": "red-apple",
                "1f44b-1f3ff": "waving-hand-dark-skin-tone",
                "1f680": "rocket",
            },
            licence="Apache-2.0",
        ),
        icon_set("fxemoji", {"dogface": square(5), "hand": square(6)}),
        icon_set("emojione", {"dog": square(7)}, aliases={"dog-face": {"parent": "dog"}}),
        icon_set("openmoji", {"hand": square(8)}, chars={"e1d1": "hand", "270b-fe0f": "hand"}),
        icon_set("tabler", {"dog-face": square(9)}),
    )
    package = write_package(tmp_path_factory.mktemp("package") / "package.tgz", sets)
    folder = tmp_path_factory.mktemp("corpora") / "emoji12"
    folder.mkdir()
    drawings = (drawing for drawing in emoji_drawings() if concept_of(drawing.codes) in MINI_CONCEPTS)
    build_with_package(folder, package, drawings)
    check_corpus(folder)
    return open_corpus(folder)


FURTHER = {
    "noto-1F436": "noto",
    "noto-1F34E": "noto",
    "noto-1F44B-1F3FF": "noto",
    "noto-1F680": "noto",
    "fxemoji-1F436": "fxemoji",
    "fxemoji-270B": "fxemoji",
    "emojione-1F436": "emojione",
}


def test_further_styles_are_known_by_name(corpus, mini_corpus):
    domains = {row["image_id"]: row["domain"] for row in corpus.splits().to_pylist()}
    known = {row["image_id"]: row["domain"] for row in open_corpus(mini_corpus).splits().to_pylist()}
    assert domains == known | FURTHER
    (row,) = pq.read_table(corpus.path / "unused.parquet").to_pylist()
    assert row["name"] == "noto: 1 drawings"


def test_splits_are_those_of_emoji(corpus, mini_corpus):
    rows = {row["image_id"]: row for row in corpus.splits().to_pylist()}
    mini = {row["image_id"]: row for row in open_corpus(mini_corpus).splits().to_pylist()}
    assert {image_id: rows[image_id] for image_id in mini} == mini
    groups = {family_of(image_id.split("-", 1)[1]): row["group"] for image_id, row in mini.items()}
    for image_id in FURTHER.keys() - {"noto-1F680"}:
        assert rows[image_id]["group"] == groups[family_of(image_id.split("-", 1)[1])]
    assert rows["noto-1F680"]["group"] == "1F680"


def test_labels_and_texts_are_those_of_the_concept(corpus):
    labels = {
        task.name: {row["image_id"]: row["label"] for row in corpus.task_labels(task.name).to_pylist()}
        for task in corpus.manifest.tasks
    }
    for name in ("noto-1F436", "fxemoji-1F436", "emojione-1F436", "twemoji-1F436"):
        assert labels["concept"][name] == "1F436"
        assert labels["category"][name] == "Animals & Nature"
    assert labels["skin_tone"]["noto-1F44B-1F3FF"] == "dark"
    rows = [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]
    texts = {
        name: [(row["source"], row["text"]) for row in rows if row["image_id"] == name] for name in labels["concept"]
    }
    assert texts["noto-1F436"] == texts["twemoji-1F436"]
    assert ("title", "dog face") in texts["noto-1F436"]


def test_card_names_the_further_sets(corpus):
    assert any(
        line.startswith("Noto (noto), 4 drawings, rendered to PNG: Apache-2.0") for line in corpus.manifest.licences
    )
    assert any("OpenMoji drawings: CC BY-SA 4.0" in line for line in corpus.manifest.licences)
