"""Label sets by the recipes of other papers: what they say of a few texts, in numbers."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from builders import REPOSITORY
from builders.signal_corpora import copy_corpus, signals_of
from peers.catlip import catlip
from peers.keywords import raw_keywords
from peers.label_set import write_label_set
from peers.metaclip import bound_pairs, head_threshold, metaclip
from peers.superclass import superclass
from peers.texts import read_texts, tokens_of
from peers.wordnet import read_wordnet
from vitrail.contracts.labels import VOCABULARY_SCHEMA
from vitrail.corpus import open_corpus
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.errors import LabelError

LICENCE = "  1 This line begins with two spaces, as those of the licence do.\n"
DATABASE = {
    "index.noun": (
        "bow n 2 1 @ 2 1 00000010 00000020  \n"
        "dog n 1 1 @ 1 1 00000030  \n"
        "domestic_dog n 1 1 @ 1 0 00000030  \n"
        "goose n 1 1 @ 1 1 00000040  \n"
        "in n 1 1 @ 1 0 00000050  \n"
        "knot n 1 1 @ 1 1 00000010  \n"
    ),
    "data.noun": (
        "00000010 06 n 02 knot 0 bow 0 001 @ 00000001 n 0000 | a knot with loops  \n"
        "00000020 06 n 01 bow 1 001 @ 00000001 n 0000 | it shoots  \n"
        "00000030 05 n 02 dog 0 domestic_dog 0 001 @ 00000001 n 0000 | it barks  \n"
        "00000040 05 n 01 goose 0 001 @ 00000001 n 0000 | it flies  \n"
        "00000050 23 n 01 In 0 001 @ 00000001 n 0000 | an inch  \n"
    ),
    "data.verb": "00000060 30 v 01 run_away 0 001 @ 00000001 v 0000 01 + 02 00 | leave  \n",
    "data.adj": "00000070 00 a 01 galore(ip) 0 001 & 00000001 a 0000 | many  \n",
    "data.adv": "00000080 02 r 01 quickly 0 000 | fast  \n",
}


@pytest.fixture(scope="module")
def wordnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wordnet")
    for name, text in DATABASE.items():
        (folder / name).write_text(LICENCE + text)
    (folder / "noun.exc").write_text("geese goose\nnests_of_nests nest_of_nests\n")
    return read_wordnet(folder)


def texts_of(*rows):
    """Columns as `read_texts` has them, of (image, text) in English or (image, text, source, language)."""
    filled = [row if len(row) == 4 else (*row, "title", "en") for row in rows]
    return pl.DataFrame(filled, schema=["image_id", "text", "source", "language"], orient="row").select(
        "image_id", "source", "text", "language"
    )


def labels_of(labels):
    """The labels of each image, by their names."""
    found = {}
    for image_id, label in labels.rows.select("image_id", "label").iter_rows():
        found.setdefault(image_id, set()).add(labels.terms.get(label, label))
    return found


def test_keywords_are_labels_as_they_were_given():
    texts = texts_of(
        ("a", "Polar  Bear", "keyword", None),
        ("b", "polar bear ", "keyword", None),
        ("b", "snow", "keyword", None),
        ("b", "A title", "title", "en"),
    )
    assert labels_of(raw_keywords(texts, 1)) == {"a": {"polar bear"}, "b": {"polar bear", "snow"}}
    assert labels_of(raw_keywords(texts, 2)) == {"a": {"polar bear"}, "b": {"polar bear"}}


def test_without_keywords_every_word_is_one():
    texts = texts_of(("a", "The cat, the Hat!"), ("b", "le chat", "title", "fr"), ("c", "cat-like"))
    assert labels_of(raw_keywords(texts, 1)) == {"a": {"the", "cat", "hat"}, "b": {"le", "chat"}, "c": {"cat", "like"}}
    assert labels_of(raw_keywords(texts, 2)) == {"a": {"cat"}, "c": {"cat"}}


def test_subwords_share_the_target_by_their_rarity():
    labels = superclass(texts_of(("a", "guitars red"), ("b", "red"), ("c", "blue"), ("d", "blue"), ("d", "blue sea")))
    assert labels_of(labels) == {"a": {"guitars", "red"}, "b": {"red"}, "c": {"blue"}, "d": {"blue", "sea"}}
    score = {(image_id, label): score for image_id, label, score in labels.rows.iter_rows()}
    rare, less_rare = np.log(4 / 2), np.log(4 / 3)
    assert score["a", "guitars"] == pytest.approx(rare / (rare + less_rare))
    assert score["a", "red"] == pytest.approx(less_rare / (rare + less_rare))
    assert score["b", "red"] == 1


def test_words_are_cut_into_subwords_and_long_texts_are_read_to_the_end():
    texts = texts_of(("a", "glockenspiel " + "red " * 300 + "whale"), ("b", "red"), ("c", "x"), ("d", "y"))
    found = labels_of(superclass(texts))["a"]
    assert {"red", "whale"} < found
    assert "glockenspiel" not in found
    assert any(subword.startswith("##") for subword in found)


def test_a_subword_of_every_image_weighs_nothing():
    assert labels_of(superclass(texts_of(("a", "red sea"), ("b", "red"), ("c", "red blue")))) == {
        "a": {"sea"},
        "c": {"blue"},
    }


def test_wordnet_is_read(wordnet):
    assert wordnet.senses["bow"] == wordnet.senses["knot"] == "00000010"
    assert wordnet.names["00000010"] == "knot"
    assert wordnet.exceptions == {"geese": "goose", "nests of nests": "nest of nests"}
    assert wordnet.entries == {"knot", "bow", "dog", "goose", "in", "run away", "galore", "quickly"}


@pytest.mark.parametrize(
    ("word", "sense"), [("geese", "00000040"), ("dogs", "00000030"), ("bows", "00000010"), ("fish", None), ("s", None)]
)
def test_nouns_are_found_in_the_plural_too(wordnet, word, sense):
    assert wordnet.noun_sense(word) == sense


def test_nouns_become_their_first_sense(wordnet):
    texts = texts_of(
        ("a", "Two dogs in a bow"),
        ("b", "DOG"),
        ("b", "a hond", "title", "nl"),
        ("c", "geese fly"),
        ("d", "dog", "title", "de"),
    )
    assert labels_of(catlip(texts, wordnet, 1)) == {"a": {"dog", "knot"}, "b": {"dog"}, "c": {"goose"}}
    assert labels_of(catlip(texts, wordnet, 2)) == {"a": {"dog"}, "b": {"dog"}}


def test_texts_are_matched_with_every_phrase_that_they_contain(wordnet):
    texts = texts_of(("a", "a dog may run away"), ("a", "run, away"), ("b", "quickly"), ("c", "knots, geese"))
    assert labels_of(metaclip(texts, wordnet, 3)) == {"a": {"dog", "run away"}, "b": {"quickly"}}


def test_words_and_bound_pairs_of_the_corpus_are_entries(wordnet):
    rows = [(str(number), "zebra crossing" if number < 4 else f"picture n{number}") for number in range(8)]
    found = labels_of(metaclip(texts_of(*rows), wordnet, 4))
    assert (found["0"], found["7"]) == ({"zebra", "crossing", "zebra crossing"}, {"picture"})
    batch = tokens_of(texts_of(*[(str(number), text) for number, (_, text) in enumerate(rows)]))
    assert bound_pairs(batch, 2) == {("zebra", "crossing")}
    assert bound_pairs(batch, 5) == set()


def test_rare_entries_keep_their_share_of_the_matches():
    assert head_threshold(np.array([900, 30, 20, 10, 1])) == 30  # 10 + 20 + 1 are 3% of 961
    assert head_threshold(np.array([5])) == 5


def test_frequent_entries_are_sampled_down_to_the_threshold(wordnet):
    rows = [(f"image-{number}", "dog" if number % 10 else "goose") for number in range(2000)]
    labels = metaclip(texts_of(*rows), wordnet, 10**6)
    counts = dict(labels.rows.group_by("label").len().iter_rows())
    assert counts["goose"] == 200  # below the threshold all are drawn
    assert 150 < counts["dog"] < 250  # of 1,800; sqrt(200) is 14
    again = metaclip(texts_of(*reversed(rows)), wordnet, 10**6)
    assert again.rows.equals(labels.rows)


def signals_on(corpus, *texts):
    """One title for each of the first images of the corpus."""
    ids = corpus.shard_index(corpus.manifest.shards[0].name)["image_id"].to_pylist()
    return signals_of([{"image_id": image_id, "text": text} for image_id, text in zip(ids, texts, strict=False)])


def test_a_peers_label_set_is_read_like_any_other(mini_corpus, tmp_path):
    folder = copy_corpus(mini_corpus, tmp_path / "corpus", [signals_on(open_corpus(mini_corpus), "cat", "cat dog")])
    corpus = open_corpus(folder)
    labels = write_label_set(tmp_path / "labels", corpus, raw_keywords(read_texts(corpus), 1))
    labels.require_corpus(corpus)
    vocabulary = labels.vocabulary()
    assert vocabulary.schema.equals(VOCABULARY_SCHEMA)
    assert vocabulary["term"].to_pylist() == ["cat", "dog"]
    assert vocabulary["frequency"].to_pylist() == [2, 1]
    assert vocabulary["idf"][0].as_py() == pytest.approx(np.log(corpus.manifest.num_images / 2))
    assert (labels.manifest.num_images_labelled, labels.manifest.max_labels) == (2, 2)
    targets = SidecarTargets(tmp_path / "labels")
    targets.check(corpus.manifest)
    for number, shard in enumerate(corpus.manifest.shards):
        ids = corpus.shard_index(shard.name)["image_id"].combine_chunks()
        counts, outputs = targets.labels_of(shard.name, ids, np.arange(shard.num_images))
        assert counts.tolist() == ([1, 2] if number == 0 else [0, 0]) + [0] * (shard.num_images - 2)
        assert sorted(outputs.tolist()) == ([0, 0, 1] if number == 0 else [])


def test_texts_of_images_that_the_corpus_lacks_are_left_out(mini_corpus, tmp_path):
    stray = signals_of([{"image_id": "nowhere", "text": "cat"}, {"image_id": "nowhere", "text": None}])
    folder = copy_corpus(mini_corpus, tmp_path / "corpus", [stray])
    corpus = open_corpus(folder)
    with pytest.raises(LabelError, match="finds no label in the texts"):
        write_label_set(tmp_path / "labels", corpus, raw_keywords(read_texts(corpus), 1))
    assert not (tmp_path / "labels").exists()


def test_files_of_signals_in_another_order_give_the_same_bytes(mini_corpus, tmp_path):
    rows = signals_on(open_corpus(mini_corpus), "red cat", "blue cat", "red dog", "grey fish and cat")
    digests = set()
    for name, tables in {"whole": [rows], "parts": [rows.slice(2), rows.slice(0, 2)]}.items():
        corpus = open_corpus(copy_corpus(mini_corpus, tmp_path / name, tables))
        labels = write_label_set(tmp_path / f"{name}-labels", corpus, superclass(read_texts(corpus)))
        digests.add(labels.manifest.digest)
    assert len(digests) == 1


def test_the_command_prints_a_line_a_peer(mini_corpus, tmp_path):
    command = [sys.executable, str(REPOSITORY / "benchmarks" / "peer_labels.py"), "--corpus", str(mini_corpus)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--peer", "raw-keywords"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("raw-keywords")
    assert "labels an image" in done.stdout
    assert (tmp_path / "out" / "raw-keywords" / "labels.json").is_file()
    command[-1] = str(tmp_path)
    refused = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "corpus.json" in refused.stderr
    assert "Traceback" not in refused.stderr
