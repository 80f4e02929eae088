"""Function words of many languages: a term that begins or ends with one names nothing in an image.

The lists are those of stopwords-iso, less what names something to be seen, and with what it lacks. Of two kinds of
words only those that are added count: single characters of scripts without spaces, which are in too many words, and
English ones of one or two letters, where the list has the alphabet and every country's domain.
"""

import functools

import stopwordsiso

from vitrail.labels.text.normalise import is_unspaced, normalise_terms
from vitrail.labels.text.stop_word_corrections import ADDED, NAMES

__all__ = ["ADDRESS_PARTS", "has_stop_words", "languages_of_stop_words", "names_in_lists", "stop_words"]

ADDRESS_PARTS = frozenset(
    ("http", "https", "www", "com", "org", "net", "html", "htm", "php", "jpg", "jpeg", "png", "gif", "svg", "webp")
) | {"mailto", "gmail", "hotmail", "yahoo"}
_SAME_LIST = {"nb": "no", "nn": "no", "fil": "tl"}
_DEFAULT = "en"


def stop_words(language: str) -> frozenset[tuple[str, ...]]:
    """The function words of a language (ISO 639-1) as tokens, some of several; those of English when it is unknown."""
    lists = _lists()
    return lists.get(_SAME_LIST.get(language, language), lists[_DEFAULT])


@functools.cache
def names_in_lists(language: str) -> frozenset[str]:
    """What the list of a language had as a function word and is none: it names something."""
    return frozenset(word[0] for word in normalise_terms(NAMES.get(language, "").split()) if len(word) == 1)


def has_stop_words(language: str) -> bool:
    """Whether there is a list of this language."""
    return _SAME_LIST.get(language, language) in _lists()


@functools.cache
def languages_of_stop_words() -> dict[str, frozenset[str]]:
    """The languages whose function word it is, for every single word that is one of some language."""
    languages: dict[str, set[str]] = {}
    for language, words in _lists().items():
        for word in words:
            if len(word) == 1:
                languages.setdefault(word[0], set()).add(language)
    return {word: frozenset(found) for word, found in languages.items()}


@functools.cache
def _lists() -> dict[str, frozenset[tuple[str, ...]]]:
    languages = sorted(stopwordsiso.langs() | ADDED.keys())
    return {language: _read(language) for language in languages}


def _read(language: str) -> frozenset[tuple[str, ...]]:
    listed = normalise_terms(sorted(stopwordsiso.stopwords(language)))
    found = {word for word in listed if any(map(str.isalpha, "".join(word))) and not _is_doubtful(word, language)}
    return frozenset(found - {(name,) for name in names_in_lists(language)}) | frozenset(
        normalise_terms(ADDED.get(language, "").split())
    )


def _is_doubtful(word: tuple[str, ...], language: str) -> bool:
    if len(word) > 1:
        return False
    return (len(word[0]) == 1 and is_unspaced(word[0])) or (language == "en" and len(word[0]) <= 2)
