"""Normalisation, tokens, languages, matching."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.labels.text.language import identify_languages
from vitrail.labels.text.language_tags import UNKNOWN, primary_language
from vitrail.labels.text.matching import Matcher
from vitrail.labels.text.normalise import BREAK, MAX_TEXT_BYTES, join_term, normalise_terms, tokenise


def tokens_of(*texts):
    batch = tokenise(pa.array(texts, pa.string()))
    values = batch.tokens.to_pylist()
    return [values[start:end] for start, end in zip(batch.offsets, batch.offsets[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red T-Shirt", ["red", "t", "shirt"]),
        ("cat, dog", ["cat", BREAK, "dog"]),
        ("snake_case don't", ["snake", "case", "don", "t"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("ＦＵＬＬ ① ﬁsh", ["full", "1", "fish"]),
        ("cat😀dog", ["cat", BREAK, "dog"]),
        ("a\x00b\x07c\u200bd", ["a", "b", "cd"]),
        ("猫の手", ["猫", "の", "手"]),
        ("チョコレート", ["チョコレート"]),
        ("고양이 얼굴", ["고양이", "얼굴"]),
        ("قِطَّة", ["قطة"]),
        ("İstanbul", ["istanbul"]),
        ("", []),
        ("   \n", []),
        (None, []),
    ],
)
def test_tokens(text, expected):
    assert tokens_of(text) == [expected]


def test_ascii_and_unicode_paths_agree_row_by_row():
    texts = ["Plain, words", "naïve café", "more-plain", "日本語", "", None]
    together = tokens_of(*texts)
    assert together == [tokens_of(text)[0] for text in texts]


def test_latin_texts_fold_as_by_the_rules_for_all_scripts():
    texts = [
        f"{before}{chr(code)}{after}" for code in range(256) for before in ("", "A", "!") for after in ("", "!", "b")
    ]
    other = "日"  # takes the text off the byte-wise way; latin texts join adjacent breaks, ASCII ones do not
    for text, tokens in zip(texts, tokens_of(*texts), strict=True):
        if not text.isascii():
            assert tokens == tokens_of(f"{text} {other}")[0][:-1], ascii(text)


def test_long_texts_are_read_to_a_limit():
    short, ascii_text, wide = tokens_of("cat", "word " * 300_000, "é" + "猫" * 300_000)
    assert short == ["cat"]
    assert ascii_text == ["word"] * (MAX_TEXT_BYTES // 5) + ["w"]
    assert wide == ["é"] + ["猫"] * ((MAX_TEXT_BYTES - 2) // 3)
    assert len(tokens_of("a " * (MAX_TEXT_BYTES // 2))[0]) == MAX_TEXT_BYTES // 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_is_tokenised_without_spaces_or_loss_of_rows(texts):
    rows = tokens_of(*texts)
    assert len(rows) == len(texts)
    assert all(token == BREAK or not any(map(str.isspace, token)) for row in rows for token in row)


def test_join_term_reads_like_the_language():
    assert join_term(["hot", "dog"]) == "hot dog"
    assert join_term(list(normalise_terms(["猫の手"])[0])) == "猫の手"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ਬਿੱਲੀ ਦਾ ਘਰ", "pa"),
        ("బిల్లి", "te"),
        ("બિલાડી", "gu"),
        ("サッカー", "ja"),
        ("ὀδύσσεια", "el"),
        ("кошка и дом", UNKNOWN),
        ("گربه", UNKNOWN),
        ("cat 猫", UNKNOWN),
    ],
)
def test_a_script_of_one_language_tells_it(text, language):
    """What Cyrillic and Arabic letters are of, a short text does not say: several languages write them."""
    assert identify_languages([text], [None]) == [language]


def test_languages_given_then_script_then_identified():
    long = "the quick brown fox jumps over the lazy dog and runs away"
    texts = ["chat", "にっこり", "고양이", long, "cat"]
    assert identify_languages(texts, ["fr-CA", None, None, None, None]) == ["fr", "ja", "ko", "en", "en"]
    assert identify_languages(["cat"], [None]) == [UNKNOWN]


def test_one_foreign_letter_does_not_decide_the_language():
    english = "the quick brown fox jumps over the lazy dog and runs away"
    texts = [
        english,
        f"{english} α",
        "猫 cat and a dog",
        "赤い凧",
        "凧の絵",
        "中国の山水画与书法艺术展览",
        "αγάπη",
        "καφέ latte",
    ]
    script = ["en", "en", "en", "ja", "ja", "zh", "el", "en"]
    assert identify_languages(texts, [None] * len(texts)) == script


def find_all(terms, texts):
    """The definition: every n-gram of every text that is a term."""
    found = set()
    for number, row in enumerate(tokens_of(*texts)):
        for start in range(len(row)):
            for end in range(start + 1, len(row) + 1):
                if tuple(row[start:end]) in terms:
                    found.add((number, tuple(row[start:end]), start))
    return sorted((number, term) for number, term, _ in found)


words = st.sampled_from(["a", "b", "c", "d", ","])
phrases = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4).map(tuple)


@settings(max_examples=200, deadline=None)
@given(st.sets(phrases, max_size=12), st.lists(st.lists(words, max_size=10).map(" ".join), max_size=6))
def test_matcher_finds_every_ngram(terms, texts):
    terms = sorted(terms)
    matches = Matcher(terms).find(tokenise(pa.array(texts, pa.string())))
    found = sorted((int(text), terms[term]) for text, term in zip(matches.text, matches.term, strict=True))
    assert found == find_all(set(terms), texts)


def test_matches_inside_longer_ones_are_nested():
    terms = [("hot", "dog"), ("dog",), ("dog", "house"), ("cat",)]
    matches = Matcher(terms).find(tokenise(pa.array(["hot dog house cat", "dog"])))
    nested = {(int(text), terms[term]) for text, term in zip(matches.text, matches.term, strict=True)} - {
        (int(text), terms[term])
        for text, term, inside in zip(matches.text, matches.term, matches.is_nested, strict=True)
        if not inside
    }
    assert nested == {(0, ("dog",))}
    assert np.all(np.diff(matches.text) >= 0)


def test_empty_matcher_and_empty_batch():
    assert not len(Matcher([]).find(tokenise(pa.array(["cat"]))).term)
    assert not len(Matcher([("cat",)]).find(tokenise(pa.array([], pa.string()))).term)


def test_tags_that_name_no_language_are_not_told():
    tags = ["pt-BR", " EN ", "und", "mul", "english language", "x", "", None]
    assert [primary_language(tag) for tag in tags] == ["pt", "en", *[None] * 6]


def test_short_texts_beside_told_ones_are_of_the_corpus_language():
    assert identify_languages(["katze", "hund", "gift"], ["de", "de", None]) == ["de"] * 3
