"""The whole derivation on real text: contract, determinism, bad input, resume, engines, diff, explanation."""

import collections
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.signal_corpora import CONFIG, all_digests, copy_corpus, read_signals, signals_of
from vitrail.contracts.codec import load
from vitrail.contracts.corpus import INDEX_SCHEMA, CorpusManifest
from vitrail.contracts.labels import DICTIONARY_SCHEMA, SIDECAR_SCHEMA, VOCABULARY_SCHEMA, VOTES_SCHEMA, LabelDiff
from vitrail.errors import LabelError
from vitrail.labels import (
    LabelsConfig,
    build_text_features,
    derive_labels,
    diff_labels,
    explain_image,
    open_labels,
    source_support,
    tail_report,
)
from vitrail.labels.shards import annotate_signals
from vitrail.labels.shards.text_features import IMAGE_FEATURES_SCHEMA, LABEL_STATISTICS_SCHEMA


def test_label_set_keeps_its_contract(mini_corpus, mini_labels):
    labels = open_labels(mini_labels)
    corpus = load(CorpusManifest, mini_corpus / "corpus.json")
    assert labels.manifest.corpus_digest == corpus.digest
    assert labels.manifest.num_signals == corpus.num_signals
    vocabulary = labels.vocabulary()
    assert vocabulary.schema.equals(VOCABULARY_SCHEMA)
    assert labels.dictionary().schema.equals(DICTIONARY_SCHEMA)
    frequency = dict.fromkeys(vocabulary["label_id"].to_pylist(), 0)
    for shard in labels.manifest.shards:
        sidecar = labels.sidecar(shard)
        assert sidecar.schema.equals(SIDECAR_SCHEMA)
        index = pq.read_table(mini_corpus / "index" / f"{shard}.parquet", schema=INDEX_SCHEMA)
        assert sidecar["image_id"].equals(index["image_id"])
        assert labels.votes(shard).schema.equals(VOTES_SCHEMA)
        for row in sidecar.to_pylist():
            assert row["scores"] == sorted(row["scores"], reverse=True)
            assert len(row["scores"]) == len(row["label_ids"]) == len(set(row["label_ids"])) <= LabelsConfig().top_k
            assert all(LabelsConfig().min_score <= score <= 1 for score in row["scores"])
            for label_id in row["label_ids"]:
                frequency[label_id] += 1
    assert frequency == dict(zip(frequency, vocabulary["frequency"].to_pylist(), strict=True))
    assert min(frequency.values()) >= LabelsConfig().min_images


def test_labels_say_what_the_pictures_show(mini_labels):
    labels = open_labels(mini_labels)
    terms = dict(zip(labels.vocabulary()["label_id"].to_pylist(), labels.vocabulary()["term"].to_pylist(), strict=True))
    said = {}
    for shard in labels.manifest.shards:
        for row in labels.sidecar(shard).to_pylist():
            said[row["image_id"]] = " ".join(terms[label_id] for label_id in row["label_ids"])
    assert "handshake" in said["openmoji-1F91D-1F3FC"]
    assert "ear" in said["twemoji-1F442-1F3FE"]


LABELLED = {  # texts as they come, and a label they must give their pictures
    "right to left": ("طائرة ورقية حمراء", "طائرة ورقية حمراء"),
    "right to left with points": ("שָׁלוֹם עֲלֵיכֶם", "שָׁלוֹם עֲלֵיכֶם"),
    "han and kana": ("赤い凧、青い空", "赤い凧"),
    "hangul": ("빨간 연", "빨간 연"),
    "thai": ("ว่าว", "ว่าว"),
    "emoji in text": ("lantern 🎉🏮 festival", "lantern"),
    "only the shape of letters differs": ("ＬＩＧＨＴＨＯＵＳＥ", "lighthouse"),
    "composed and not": ("cafe\u0301 terrace", "café terrace"),
    "text in overrides": ("\u202ewindmill\u202c\u200b", "windmill"),
    "control characters": ("sail\x00boat\x1f\x07harbour", "sail boat harbour"),
    "mojibake": ("crÃ¨me brÃ»lÃ©e, volcano", "volcano"),
    "a megabyte": ("waterfall, " * 100_000, "waterfall"),
    "a flood of keywords": (" ".join(f"keyword{n}" for n in range(5000)) + ", pagoda", None),
}
COUNTED = {  # texts that give nothing, and the reason they are counted under
    "null_text": [None],
    "no_words": ["", " \t\n", "\x00\x01\x02\x1f", "😀🎉‼️", "\u200b\u200e", "\ufffd\ufffd", "!!! --- ???"],
}


def test_text_of_any_kind_is_labelled_or_counted(mini_corpus, tmp_path):
    ids = iter(pq.read_table(mini_corpus / "index")["image_id"].to_pylist())
    pictures = {case: [next(ids) for _ in range(4)] for case in LABELLED}
    rows = [
        {"image_id": image_id, "post_id": f"{case} {number}", "text": LABELLED[case][0], "language": None}
        for case, found in pictures.items()
        for number, image_id in enumerate(found)
    ]
    last = next(ids)
    rows += [{"image_id": last, "text": text} for texts in COUNTED.values() for text in texts]
    rows += [{"image_id": "nowhere", "text": "kite"}, {"image_id": None, "text": "kite"}]
    rows += [{"image_id": last, "post_id": None, "source": None, "weight": None, "text": "waterfall"}]
    rows += [{"image_id": last, "weight": float("nan"), "text": "waterfall"}]
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals_of(rows)])
    manifest = derive_labels(corpus, tmp_path / "labels", CONFIG)
    assert manifest.num_signals == len(rows)
    assert manifest.num_signals_skipped["unknown_image"] == 2
    assert manifest.num_signals_skipped["read_in_part"] == len(pictures["a megabyte"])
    for reason, texts in COUNTED.items():
        assert manifest.num_signals_skipped[reason] == len(texts)
    said = labels_by_image(tmp_path / "labels")
    for case, (_, label) in LABELLED.items():
        assert label is None or all(label in said[image_id] for image_id in pictures[case]), case


def labels_by_image(folder):
    labels = open_labels(folder)
    terms = dict(zip(*(labels.vocabulary()[name].to_pylist() for name in ("label_id", "term")), strict=True))
    rows = [row for shard in labels.manifest.shards for row in labels.sidecar(shard).to_pylist()]
    return {row["image_id"]: {terms[label_id] for label_id in row["label_ids"]} for row in rows}


def first_terms(folder):
    labels = open_labels(folder)
    terms = dict(zip(labels.vocabulary()["label_id"].to_pylist(), labels.vocabulary()["term"].to_pylist(), strict=True))
    rows = (row for shard in labels.manifest.shards for row in labels.sidecar(shard).to_pylist())
    return {row["image_id"]: terms[row["label_ids"][0]] for row in rows if row["label_ids"]}


def test_what_sets_a_picture_apart_is_its_first_label_and_not_what_its_theme_shares(mini_corpus, tmp_path):
    """Every second picture is of an icon theme whose title, keyword and folder all say its name."""
    rows, expected = [], {}
    for number, image_id in enumerate(sorted(set(read_signals(mini_corpus)["image_id"].to_pylist()))):
        thing = expected[image_id] = made_up_word(number // 5)
        texts = {"file_name": f"{thing} {['round', 'little', 'heavy', 'wooden', 'broken'][number % 5]}"}
        if number % 2 == 0:
            texts |= {"title": f"Lemon theme {number}", "keyword": "lemon", "board": "lemon theme"}
        rows += [{"image_id": image_id, "post_id": image_id, "source": name, "text": texts[name]} for name in texts]
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals_of(rows)])
    derive_labels(corpus, tmp_path / "labels", CONFIG)
    found = first_terms(tmp_path / "labels")
    drawn = collections.Counter(expected.values())
    named = {image_id: thing for image_id, thing in expected.items() if drawn[thing] > 1}
    assert {image_id: found.get(image_id) for image_id in named} == named
    assert len(named) > 0.98 * len(expected)


def test_long_captions_give_labels(mini_corpus, tmp_path):
    """A thing among 60 words that are no terms."""
    rows, expected = [], {}
    for number, image_id in enumerate(sorted(set(read_signals(mini_corpus)["image_id"].to_pylist()))):
        expected[image_id] = ["anchor", "bottle", "candle", "dragon"][number % 4]
        others = [made_up_word(1000 + 60 * number + place) for place in range(60)]
        rows += [{"image_id": image_id, "source": "alt_text", "text": " ".join([expected[image_id], *others])}]
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals_of(rows)])
    derive_labels(corpus, tmp_path / "labels", replace(CONFIG, max_image_share=0.5))
    assert first_terms(tmp_path / "labels") == expected


def made_up_word(number):
    syllables = ["ba", "do", "fi", "gu", "ke", "la", "mo", "ni", "pu", "re"]
    return "".join(syllables[int(digit)] for digit in f"{number:05}")


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        *(([], "there is none"), ([None, None], "there is none"), (["", " "], "there is none")),
        *((["unique"], "rare 1"), (["the the", "7", "8"], "number 2, stop_word 1")),
    ],
)
def test_no_usable_text_is_refused(mini_corpus, tmp_path, texts, why):
    ids = pq.read_table(mini_corpus / "index")["image_id"].to_pylist()
    table = signals_of([{"image_id": ids[0], "text": text} for text in texts])
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [table])
    with pytest.raises(LabelError, match=rf"became a term \({why}\)"):
        derive_labels(corpus, tmp_path / "labels", CONFIG)
    assert not (tmp_path / "labels").exists()


def test_broken_signal_files_are_named(mini_corpus, tmp_path):
    signals = read_signals(mini_corpus).slice(0, 10)
    corpus = copy_corpus(mini_corpus, tmp_path / "a", [signals.drop_columns(["text"])])
    with pytest.raises(LabelError, match="lacks the column 'text'"):
        derive_labels(corpus, tmp_path / "labels", CONFIG)
    binary = signals.set_column(3, "text", signals["text"].cast(pa.binary()))
    with pytest.raises(LabelError, match="binary, not a UTF-8 string"):
        derive_labels(copy_corpus(mini_corpus, tmp_path / "b", [binary]), tmp_path / "labels", CONFIG)
    (corpus / "signals" / "000.parquet").write_bytes(b"PAR1 truncated")
    with pytest.raises(LabelError, match=r"000\.parquet is not a readable"):
        derive_labels(corpus, tmp_path / "labels", CONFIG)
    (corpus / "signals" / "000.parquet").unlink()
    with pytest.raises(LabelError, match=r"no \.parquet file"):
        derive_labels(corpus, tmp_path / "labels", CONFIG)


def test_invalid_utf8_is_refused_with_the_remedy(mini_corpus, tmp_path):
    raw = pa.array([b"\xff\xfe no"], pa.binary())
    text = pa.StringArray.from_buffers(1, raw.buffers()[1], raw.buffers()[2])
    signals = read_signals(mini_corpus).slice(0, 1)
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals.set_column(3, "text", text)])
    with pytest.raises(LabelError, match="must be UTF-8"):
        derive_labels(corpus, tmp_path / "labels", CONFIG)


def test_rederiving_keeps_ids_and_the_diff_says_what_changed(mini_corpus, plain_labels, tmp_path):
    old = open_labels(plain_labels)
    signals = read_signals(mini_corpus)
    keep = np.random.default_rng(0).random(signals.num_rows) < 0.7
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals.filter(pa.array(keep))])
    derive_labels(corpus, tmp_path / "labels", CONFIG, previous=plain_labels)
    new = open_labels(tmp_path / "labels")
    diff = load(LabelDiff, tmp_path / "labels" / "diff.json")
    assert diff == diff_labels(old, new)
    assert (diff.old_digest, diff.new_digest) == (old.manifest.digest, new.manifest.digest)
    terms = [dict(zip(*(s.vocabulary()[c].to_pylist() for c in ("label_id", "term")), strict=True)) for s in (old, new)]
    assert len(diff.kept) > 10
    assert all(terms[0][label_id] == terms[1][label_id] for label_id in diff.kept)
    assert set(diff.lost).isdisjoint(terms[1])
    assert 0 <= diff.churn < 1


def test_the_summary_of_a_label_set_is_enough_to_keep_its_ids(mini_corpus, plain_labels, tmp_path):
    """The registry keeps these three files of a champion's label set, and nothing changed since."""
    for name in ("labels.json", "vocabulary.parquet", "members.parquet"):
        (tmp_path / "champion").mkdir(exist_ok=True)
        shutil.copy(plain_labels / name, tmp_path / "champion")
    manifest = derive_labels(mini_corpus, tmp_path / "labels", CONFIG, previous=tmp_path / "champion")
    assert manifest == open_labels(plain_labels).manifest
    assert load(LabelDiff, tmp_path / "labels" / "diff.json").churn == 0


def test_labels_that_moved_too_much_stop_the_run_and_can_be_read(mini_corpus, plain_labels, tmp_path, monkeypatch):
    signals = read_signals(mini_corpus)
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [signals.slice(0, signals.num_rows // 2)])
    out, work = tmp_path / "gated", tmp_path / "work"
    work.mkdir()
    (work / "notes.txt").touch()
    with pytest.raises(LabelError, match="max_churn=0"):
        derive_labels(corpus, out, replace(CONFIG, max_churn=0.0), previous=plain_labels, work=work)
    assert load(LabelDiff, out / "diff.json").churn > 0
    assert open_labels(out).vocabulary().num_rows
    monkeypatch.setattr(annotate_signals, "_annotate_wave", None)  # a raised limit computes nothing again
    derive_labels(corpus, out, replace(CONFIG, max_churn=1.0), previous=plain_labels, work=work)
    assert [path.name for path in work.iterdir()] == ["notes.txt"]


def test_a_label_set_compared_with_itself_has_not_changed(plain_labels):
    labels = open_labels(plain_labels)
    diff = diff_labels(labels, labels)
    assert not diff.churn
    assert [diff.merged, diff.split, diff.new, diff.lost] == [{}, {}, (), ()]


def test_every_label_is_explained_by_votes(mini_corpus, mini_labels):
    explanation = explain_image(mini_corpus, mini_labels, "openmoji-1F91D-1F3FC")
    assert explanation.labels
    for reason in explanation.labels:
        assert reason.votes
        assert all(vote.term in reason.members for vote in reason.votes)
    assert ("title", "en", "handshake medium-light skin tone") in explanation.texts
    with pytest.raises(LabelError, match="nowhere"):
        explain_image(mini_corpus, mini_labels, "nowhere")


def test_source_support_adds_up(mini_labels):
    support = {row["source"]: row for row in source_support(open_labels(mini_labels)).to_pylist()}
    assert support["title"]["num_votes"] > support["board"]["num_votes"] > 0
    assert all(row["num_sole_labels"] <= row["num_labels"] for row in support.values())


@pytest.mark.parametrize("clustering", ["kmeans", "hdbscan"])
def test_clustering_arms(mini_corpus, tmp_path, clustering):
    manifest = derive_labels(mini_corpus, tmp_path / "labels", replace(CONFIG, clustering=clustering))
    members = open_labels(tmp_path / "labels").members().select(["term", "language", "level"]).to_pylist()
    assert 10 < manifest.num_labels < len(members)
    assert len({tuple(row.values()) for row in members}) == len(members)


def test_tail_report_counts_terms_and_labels(mini_labels):
    report = tail_report(open_labels(mini_labels))
    assert report.num_terms > report.num_labels
    assert sum(band.num_labels for band in report.before.values()) == report.num_terms
    assert sum(band.num_labels for band in report.after.values()) == report.num_labels
    assert sum(band.share_of_pairs for band in report.after.values()) == pytest.approx(1)


def test_labels_of_several_languages_are_counted_at_the_finest_level(mini_labels):
    """A coarser label joins whatever is alike, in as many languages as that comes."""
    labels = open_labels(mini_labels)
    languages = {}
    for member in labels.members().to_pylist():
        languages.setdefault((member["level"], member["label_id"]), set()).add(member["language"])
    by_level = Counter(level for (level, _), own in languages.items() if len(own) > 1)
    assert set(by_level) == {0, 1}
    assert tail_report(labels).num_multilingual == by_level[0] > 5


def test_a_tail_report_of_a_sample_says_that_it_does_not_compare(mini_corpus, mini_labels, tmp_path):
    whole = tail_report(open_labels(mini_labels))
    assert not whole.is_sampled
    assert 0 < whole.num_joined < whole.num_terms
    derive_labels(mini_corpus, tmp_path / "labels", replace(CONFIG, sample_signals=2000))
    sampled = tail_report(open_labels(tmp_path / "labels"))
    assert sampled.is_sampled


def test_text_features(mini_corpus, mini_labels, tmp_path):
    build_text_features(mini_corpus, mini_labels, tmp_path / "features")
    features = pq.read_table(tmp_path / "features" / "image_features.parquet")
    statistics = pq.read_table(tmp_path / "features" / "label_statistics.parquet")
    assert features.schema.equals(IMAGE_FEATURES_SCHEMA)
    assert statistics.schema.equals(LABEL_STATISTICS_SCHEMA)
    signals = read_signals(mini_corpus)
    assert features.num_rows == len(signals["image_id"].unique())
    assert sum(features["num_signals"].to_pylist()) == signals.num_rows
    row = features.to_pylist()[0]
    assert row["sources"] == sorted(row["sources"])
    assert sum(row["source_counts"]) == row["num_signals"]
    build_text_features(mini_corpus, mini_labels, tmp_path / "again")
    assert all_digests(tmp_path / "again") == all_digests(tmp_path / "features")


def test_another_corpus_is_refused(mini_corpus, mini_labels, tmp_path):
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [read_signals(mini_corpus)])
    text = (corpus / "corpus.json").read_text()
    digest = load(CorpusManifest, corpus / "corpus.json").digest
    (corpus / "corpus.json").write_text(text.replace(digest, "0" * 64))
    with pytest.raises(LabelError, match="derive the labels again"):
        build_text_features(corpus, mini_labels, tmp_path / "features")
    with pytest.raises(LabelError, match="derived from another corpus"):
        explain_image(corpus, mini_labels, "openmoji-1F91D-1F3FC")


def test_the_row_of_an_explanation_is_that_of_the_label_set(mini_corpus, mini_labels, tmp_path):
    """Also where the index was written again in another order."""
    corpus = copy_corpus(mini_corpus, tmp_path / "corpus", [read_signals(mini_corpus)])
    for path in (corpus / "index").glob("*.parquet"):
        index = pq.read_table(path)
        pq.write_table(index.take(pa.array(range(index.num_rows)[::-1])), path)
    image_id = "openmoji-1F91D-1F3FC"
    assert explain_image(corpus, mini_labels, image_id) == explain_image(mini_corpus, mini_labels, image_id)


def test_a_folder_that_is_no_label_set_is_refused(tmp_path):
    with pytest.raises(LabelError, match="not a label set"):
        open_labels(tmp_path)


def test_an_unknown_encoder_is_refused(mini_corpus, tmp_path):
    with pytest.raises(LabelError, match="no-such-encoder"):
        derive_labels(mini_corpus, tmp_path / "labels", LabelsConfig(encoder="no-such-encoder"))


def test_a_missing_scorer_is_named_before_the_texts_are_read(mini_corpus, tmp_path):
    with pytest.raises(LabelError, match=r"gone\.json cannot be read"):
        derive_labels(mini_corpus, tmp_path / "labels", replace(CONFIG, scorer=str(tmp_path / "gone.json")))
    assert not list(tmp_path.iterdir())
