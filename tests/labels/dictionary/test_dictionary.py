"""Candidates, filters, canonical forms, grouping, ids."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from vitrail.errors import ConfigError, LabelError
from vitrail.labels import LabelsConfig
from vitrail.labels.dictionary.candidates import collect_candidates
from vitrail.labels.dictionary.dictionaries import build_dictionary, join_dictionaries
from vitrail.labels.dictionary.rejections import REASONS
from vitrail.labels.dictionary.user_files import read_user_files
from vitrail.labels.dictionary.vocabulary import build_vocabulary
from vitrail.labels.dictionary.word_lists import WordLists
from vitrail.labels.text.normalise import tokenise
from vitrail.labels.text.surfaces import Surfaces

STOP_WORDS = frozenset({"the", "of", "a", "by"})


def count(texts, images=None, max_ngram=6, min_images=2):
    images = np.arange(len(texts)) if images is None else np.array(images)
    numbers = np.unique(texts, return_inverse=True)[1]
    return collect_candidates(tokenise(pa.array(texts)), images, numbers, max_ngram, min_images)


def build(texts, images=None, lists=WordLists(), **options):  # noqa: B008 - frozen
    config = LabelsConfig(min_term_images=options.pop("min_term_images", 2), **options)
    candidates = count(texts, images, config.max_ngram, config.min_term_images)
    lists = replace(lists, stop_words=STOP_WORDS, generic_words=frozenset({"icon", "image", "collection"}))
    dictionary = join_dictionaries([build_dictionary(candidates, 0, config, lists)], lists)
    reasons = {" ".join(term): reason for term, reason in zip(dictionary.terms, dictionary.reason, strict=True)}
    assert set(reasons.values()) <= {None, *REASONS}
    return reasons, dictionary


def canonical_forms(dictionary):
    return {
        " ".join(dictionary.terms[index]): " ".join(dictionary.terms[dictionary.canonical[index]])
        for index in dictionary.accepted
    }


def test_candidates_count_distinct_images_of_every_ngram():
    candidates = count(["a b c", "a b", "x, a b", "b c"], [0, 0, 1, 2], max_ngram=3, min_images=1)
    counts = dict(zip(candidates.terms, candidates.num_images.tolist(), strict=True))
    expected = {("a",): 2, ("b",): 3, ("c",): 2, ("x",): 1, ("a", "b"): 2, ("b", "c"): 2, ("a", "b", "c"): 1}
    assert counts == expected


def test_rejections_have_reasons():
    words = ("cat sits", "cat naps", "the dog", "the dog", "7", "7", "unique")
    texts = [*words, *(f"freeuse {word}" for word in words)]
    texts += (
        ["statue of liberty island"] * 2
        + ["statue of liberty island", "a statue of liberty island"]
        + [f"filler{index}" for index in range(20)]
    )
    reasons, _ = build(texts, max_image_share=0.06)  # of 100 texts at least
    assert reasons["cat"] is None
    assert reasons["sits"] == "fragment"
    assert reasons["filler0"] == "rare"
    assert reasons["the"] == "stop_word"
    assert reasons["the dog"] == "fragment"
    assert reasons["of liberty"] == "fragment"
    assert reasons["liberty"] == "fragment"  # never without its phrase
    assert reasons["statue of liberty island"] is None
    assert reasons["7"] == "number"
    assert reasons["freeuse"] == "boilerplate"


def test_phrases_that_meet_by_chance_are_accidental():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["red", "blue", "cat", "dog", "sun"], 6)) for _ in range(300)]
    texts += ["ice cream"] * 10 + ["ice", "cream", "ice", "cream"]
    reasons, _ = build(texts, max_image_share=1)
    assert reasons["red blue"] == "accidental"
    assert reasons["ice cream"] is None


def test_a_phrase_may_end_with_a_function_word_when_it_is_a_text_of_its_own():
    texts = ["stand by", "stand by", "stand by: sign", "house of cards", "house of glass", "house of", "stand"]
    texts += ["the sea", "the sea", "of the", "of the"]
    reasons, _ = build(texts, max_image_share=1)
    assert reasons["stand by"] is None
    assert reasons["house of"] == "fragment"  # but one text is cut there
    assert reasons["the sea"] == "fragment"
    assert reasons["of the"] == "stop_word"


def test_single_characters_of_unspaced_scripts_must_stand_alone():
    texts = ["大猫", "大熊", "大犬", "猫", "猫", "猫", "中間"] + [f"filler{index}" for index in range(20)]
    reasons, _ = build(texts)
    assert reasons["大"] == "character"
    assert reasons["猫"] is None


def test_variants_count_as_their_most_frequent_form():
    texts = (
        ["cats"] * 2
        + ["cat"] * 3
        + ["e-mail", "e-mail", "email", "email", "email", "berry", "berry", "berries", "berries"]
    )
    _, dictionary = build(texts)
    canonical = canonical_forms(dictionary)
    assert canonical["cats"] == "cat"
    assert canonical["e mail"] == "email"
    assert canonical["berries"] == "berry" or canonical["berry"] == "berries"


def test_phrases_of_one_copied_text_are_no_terms():
    texts = ["all the ships of the fleet at sea"] * 5 + ["ships sail", "a whole text", "a whole text"]
    reasons, _ = build(texts, max_image_share=1)
    assert reasons["fleet"] == "copied"
    assert reasons["ships"] is None
    assert reasons["whole text"] == "copied"
    assert reasons["a whole text"] == "fragment"  # it begins with a stop word


def test_misspellings_point_at_the_word():
    texts = ["butterfly"] * 60 + ["buterfly", "buterfly", "butetrfly", "butterflx", "filler", "fuller"]
    _, dictionary = build(texts, max_image_share=1)
    wrong = {
        dictionary.terms[index][0]: dictionary.terms[dictionary.canonical[index]][0]
        for index, reason in enumerate(dictionary.reason)
        if reason == "misspelling"
    }
    assert wrong == {"buterfly": "butterfly", "butetrfly": "butterfly"}


def vocabulary_of(texts, config):
    sample = pa.table({"text": texts, "source": ["title"] * len(texts), "language": ["en"] * len(texts)})
    return build_vocabulary(sample, np.arange(len(texts)), config)


def test_misspellings_count_as_their_word_only_when_a_file_says_so(tmp_path):
    texts = ["butterflies"] * 60 + ["butterfly"] * 80 + ["butteflies", "buterfly", "kite", "kite"]
    config = LabelsConfig(min_term_images=2, max_image_share=1, clustering="none")
    guessed = vocabulary_of(texts, config)
    assert dict(zip(guessed.terms.term, guessed.terms.num_images, strict=True)) == {"butterfly": 140, "kite": 2}
    (tmp_path / "slips.txt").write_text("buterfly = butterfly\n", encoding="utf-8")
    told = vocabulary_of(texts, replace(config, dictionary_files=(str(tmp_path / "slips.txt"),)))
    assert dict(zip(told.terms.term, told.terms.num_images, strict=True)) == {"butterfly": 141, "kite": 2}


def test_user_terms_pass_every_filter(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("The Dog\nUnicorn\n- cat\nhound = the dog\n", encoding="utf-8")
    reasons, dictionary = build(["the dog", "a cat", "a cat"], lists=read_user_files([str(path)]))
    assert reasons["the dog"] is None
    assert reasons["unicorn"] is None
    assert reasons["cat"] == "user"
    assert canonical_forms(dictionary)["hound"] == "the dog"


def test_bad_dictionary_files_are_named(tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n ,;\n")
    with pytest.raises(LabelError, match=r"empty\.txt has no phrase"):
        read_user_files([str(empty)])
    with pytest.raises(LabelError, match=r"missing\.txt cannot be read"):
        read_user_files([str(tmp_path / "missing.txt")])
    half = tmp_path / "half.txt"
    half.write_text("cat\ndog =\n")
    with pytest.raises(LabelError, match=r"half\.txt, line 2"):
        read_user_files([str(half)])
    both = tmp_path / "both.txt"
    both.write_text("cat\n- cat\n")
    with pytest.raises(LabelError, match="'cat' both as a term and as none"):
        read_user_files([str(both)])


def test_generic_phrases_leave_what_they_are_of():
    texts = ["cat icon", "icon of a cat", "a cat", "cat", "cat collection by tom", "icon", "image"] * 2
    texts += [f"filler{index}" for index in range(20)]
    reasons, _ = build(texts, range(len(texts)), max_image_share=1)
    assert reasons["cat"] is None
    assert reasons["icon"] == reasons["cat icon"] == reasons["icon of a cat"] == "generic"


def test_a_series_is_one_witness():
    series = [
        text for number in range(60) for text in (f"drawn by a script, {number}", "star, magick, geometry, shape")
    ]
    images = [number for number in range(60) for _ in range(2)]
    others = ["a red star", "one star", "star of the sea", "blue star"] + [f"filler{index}" for index in range(30)]
    reasons, _ = build(series + others, images + list(range(60, 60 + len(others))))
    assert reasons["magick"] == "series"
    assert reasons["star"] is None  # on 64 of 94 images, but in 5 of 35 descriptions


def test_equal_short_texts_are_independent_witnesses():
    reasons, _ = build(["cat"] * 30 + ["dog"] * 100 + [f"filler{index}" for index in range(300)])
    assert reasons["cat"] is None
    assert reasons["dog"] is None


def test_spam_on_a_quarter_of_the_descriptions_is_boilerplate():
    texts = [f"word{index} {'hash' if index % 3 == 0 else ''}" for index in range(90)] + ["cat"] * 4
    reasons, _ = build(texts)
    assert reasons["hash"] == "boilerplate"
    assert reasons["cat"] is None


def test_spellings_and_accents_count_as_one_term():
    texts = ["colour", "colour", "color", "color", "color", "café", "café", "cafe", "cafe", "cafe", "noise", "noise"]
    canonical = canonical_forms(build(texts, max_image_share=1)[1])
    assert canonical["colour"] == "color"
    assert canonical["café"] == "cafe"
    assert canonical["noise"] == "noise"


def test_plurals_are_of_their_own_word():
    texts = ["planes", "plane", "plan", "capes", "cap", "cape", "boxes", "box", "heroes", "hero", "mares", "mar"] * 2
    canonical = canonical_forms(build(texts, max_image_share=1)[1])
    pairs = {frozenset(pair) for pair in canonical.items()}
    assert {frozenset(pair) for pair in (("planes", "plane"), ("capes", "cape"), ("box", "boxes"))} <= pairs
    assert frozenset(("heroes", "hero")) in pairs
    assert [canonical[word] for word in ("plan", "cap", "mar", "mares")] == ["plan", "cap", "mar", "mares"]


GERMAN = ["gift"] * 6 + ["gifte"] * 4 + ["totenkopf", "totenkopf", "die katze"]
ENGLISH = ["gift"] * 4 + ["gifts"] * 2 + ["ribbon", "ribbon", "die hard", "they die hard"]


def two_languages(config=LabelsConfig(min_term_images=2, max_image_share=1, clustering="none")):  # noqa: B008 - frozen
    texts, languages = GERMAN + ENGLISH, ["de"] * len(GERMAN) + ["en-GB"] * len(ENGLISH)
    sample = pa.table({"text": texts, "source": ["title"] * len(texts), "language": languages})
    return build_vocabulary(sample, np.arange(len(texts)), config)


def entries_of(vocabulary):
    rows = vocabulary.dictionary.to_pylist()
    return {(row["term"], row["language"]): (row["canonical"], row["num_images"], row["reason"]) for row in rows}


def test_each_language_has_its_dictionary():
    entries = entries_of(two_languages())
    assert entries["gift", "de"] == ("gift", 6, None)
    assert entries["gifte", "de"] == ("gifte", 4, None)
    assert entries["gift", "en"] == ("gift", 4, None)
    assert entries["gifts", "en"] == ("gift", 2, None)
    assert entries["die", "de"] == ("die", 1, "stop_word")
    assert entries["die", "en"] == ("die", 2, "fragment")


def terms_in(vocabulary, texts, languages):
    matches = Surfaces(vocabulary.surfaces).find(tokenise(pa.array(texts)), pa.array(languages, pa.string()))
    names = [f"{vocabulary.terms.term[term]} {vocabulary.terms.language[term]}" for term in matches.term]
    return [{name for name, owner in zip(names, matches.text, strict=True) if owner == n} for n in range(len(texts))]


def test_a_form_counts_as_the_term_of_its_texts_language():
    found = terms_in(two_languages(), ["gift", "Gift", "ein gift", "gift", None], ["de", "en", "de-AT", "fr", "en"])
    assert found == [{"gift de"}, {"gift en"}, {"gift de"}, {"gift de"}, set()]  # French has none: of most images


def test_a_text_that_does_not_tell_its_language_is_read_in_that_of_its_other_forms():
    texts = ["ribbon on a gift", "gift, totenkopf", "gift, totenkopf, ribbon, die hard", "gift"]
    assert terms_in(two_languages(), texts, [None] * 4) == [
        *({"ribbon en", "gift en"}, {"gift de", "totenkopf de"}),
        *({"gift en", "totenkopf de", "ribbon en", "die hard en"}, {"gift de"}),
    ]


def test_a_form_of_one_dictionary_counts_in_any_text():
    assert terms_in(two_languages(), ["ribbon", "totenkopf"], ["de", "en"]) == [{"ribbon en"}, {"totenkopf de"}]


def test_a_form_that_a_language_denies_is_no_term_in_its_texts():
    texts = ["die katze", "die hund", "hund", "six die", "die", "two die", "rolls die"]
    sample = pa.table({"text": texts, "source": ["title"] * 7, "language": ["de"] * 3 + ["en"] * 4})
    vocabulary = build_vocabulary(sample, np.arange(7), LabelsConfig(min_term_images=2, clustering="none"))
    assert entries_of(vocabulary)["die", "de"][2] == "stop_word"
    found = terms_in(vocabulary, ["die katze", "a die", "die", "die hund"], ["de", "en", "fr", None])
    assert found == [set(), {"die en"}, {"die en"}, {"hund de"}]


def test_the_users_variants_reach_over_languages(tmp_path):
    (tmp_path / "words.txt").write_text("totenkopf = skull\ngifte = gift\n", encoding="utf-8")
    config = LabelsConfig(min_term_images=2, clustering="none", dictionary_files=(str(tmp_path / "words.txt"),))
    vocabulary = two_languages(config)
    assert entries_of(vocabulary)["totenkopf", "de"] == ("skull", 2, None)
    assert entries_of(vocabulary)["skull", "und"] == ("skull", 0, None)
    assert terms_in(vocabulary, ["gifte totenkopf", "skull"], ["de", "en"]) == [{"gift de", "skull und"}, {"skull und"}]


def test_what_the_user_names_is_one_term(tmp_path):
    (tmp_path / "words.txt").write_text("nike\ngato = cat\n", encoding="utf-8")
    texts = ["nike"] * 6 + ["gato"] * 3 + ["gatos"] * 2 + ["cat"] * 3 + ["cats"] * 2
    sample = pa.table({"text": texts, "source": ["title"] * 16, "language": ["de"] * 3 + ["es"] * 8 + ["en"] * 5})
    config = LabelsConfig(min_term_images=2, clustering="none", dictionary_files=(str(tmp_path / "words.txt"),))
    terms = build_vocabulary(sample, np.arange(16), config).terms
    assert dict(zip(terms.term, terms.num_images.tolist(), strict=True)) == {"nike": 6, "cat": 10}


def test_boilerplate_is_of_a_language():
    english = [f"word{number} cat" for number in range(400)]
    german = [f"wort{number} kostenlos{' hund' * (number % 5 == 0)}" for number in range(120)]
    texts, languages = english + german, ["en"] * len(english) + ["de"] * len(german)
    sample = pa.table({"text": texts, "source": ["title"] * len(texts), "language": languages})
    entries = entries_of(build_vocabulary(sample, np.arange(len(texts)), LabelsConfig(clustering="none")))
    assert entries["kostenlos", "de"][2] == entries["cat", "en"][2] == "boilerplate"  # one on 23% of the corpus
    assert entries["hund", "de"][2] is None


def test_a_language_of_a_few_texts_has_no_boilerplate():
    reasons, _ = build(["rotes boot"] * 4)
    assert reasons["rotes boot"] is None


def test_config_refuses_nonsense():
    with pytest.raises(ConfigError, match="top_k"):
        LabelsConfig(top_k=0)
    assert LabelsConfig(engine="ray", max_churn=0.5).output_digest == LabelsConfig().output_digest
