"""No function word of any language is a term of texts that mix languages, and what they show is."""

import random

import numpy as np
import pyarrow as pa
import pytest

from builders.mixed_texts import TEMPLATES, mixed_texts
from vitrail.labels import LabelsConfig
from vitrail.labels.dictionary.vocabulary import build_vocabulary
from vitrail.labels.text.normalise import is_unspaced, join_term, normalise_terms
from vitrail.labels.text.stop_words import stop_words


def names_of(texts, languages):
    table = {"text": texts, "source": ["description"] * len(texts), "language": pa.array(languages, pa.string())}
    vocabulary = build_vocabulary(pa.table(table), np.arange(len(texts)), LabelsConfig(clustering="none"))
    return set(vocabulary.terms.term)


def function_words_of(languages, things):
    words = {join_term(list(word)) for language in languages for word in stop_words(language)}
    return words - things  # "at" is a horse in Turkish


GIVEN = {
    "none": lambda random: None,
    "wrong": lambda random: "en",
    "any": lambda random: random.choice(["en", "de", "fr", None]),
}


@pytest.mark.parametrize("separator", [". ", " / "])
@pytest.mark.parametrize("given", GIVEN)
def test_no_function_word_is_a_term_of_mixed_texts(given, separator):
    texts, things = mixed_texts(2000, 0, separator=separator, num_sentences=3 if given == "wrong" else 2)
    rng = random.Random(1)
    names = names_of(texts, [GIVEN[given](rng) for _ in texts])
    assert not names & function_words_of(TEMPLATES, things)
    spaced = {thing for thing in things if len(thing) > 1 and not is_unspaced(thing[0])}
    assert len(spaced & names) > 0.9 * len(spaced)


@pytest.mark.parametrize("separator", [". ", " - ", " "])
def test_a_german_and_a_spanish_sentence_in_one_field(separator):
    texts, things = mixed_texts(1000, 0, languages=("de", "es"), separator=separator)
    names = names_of(texts, [None] * 1000)
    assert things <= names
    assert not names & {"un", "una", "de", "the", "der", "ein", "wird dort", "wird", "dort", "or", "el", "la", "por el"}


def test_a_function_word_of_one_language_is_a_term_of_another_that_uses_it_as_a_name():
    english = ["A {} with a hat looks at the sun", "The fire is in front of a {}", "A {} with a hat is at the fire"]
    german = ["Der {} hat einen Ball", "Die Frau hat den {} in dem Haus", "Ein {} hat eine Katze"]
    texts = [text.format(word) for text in english for word in ["dog", "horse", "bird", "boat", "apple"]]
    texts += [text.format(word) for text in german for word in ["Hund", "Vogel", "Apfel", "Baum", "Stuhl"]]
    names = names_of(texts, [None] * len(texts))
    assert {"hat", "fire", "dog", "hund", "katze"} <= names
    assert not names & {"die", "der", "den", "ein", "eine", "in", "with", "at"}


def test_words_that_keywords_name_are_terms():
    texts = ["hat", "fire", "face", "sun", "car", "cat", "sea", "van", "kind", "son"] * 5
    assert {"hat", "fire", "face", "sun", "car", "cat", "sea", "van", "son"} <= names_of(texts, ["en"] * len(texts))


def test_phrases_of_unspaced_scripts_do_not_begin_or_end_with_function_words():
    texts, _ = mixed_texts(400, 0, languages=("ja", "zh"))
    names = names_of(texts, [None] * len(texts))
    assert "帽子" in names
    function = {term for language in ("zh", "ja") for term in stop_words(language)}
    for term in normalise_terms(sorted(names)):
        assert not any(term[:length] in function or term[-length:] in function for length in range(1, len(term) + 1))
