"""The language of texts: as given, else read off the script, else identified, else that of the corpus.

Identification of two or three words is guesswork, so py3langid is asked only about texts with MIN_LETTERS
letters and the languages it may answer for shorter ones are those that such texts showed.
"""

from collections import Counter
from collections.abc import Sequence

import py3langid

from vitrail.labels.text.language_tags import UNKNOWN, primary_language
from vitrail.labels.text.scripts import LIKELIEST_LANGUAGE, SHARED, script_of

__all__ = ["identify_languages"]

MIN_LETTERS = 24  # about four words; langid.py (Lui and Baldwin 2012) degrades quickly below
_MIN_SHARE = 0.02  # of the long texts, for a language to be one of the corpus
_MIN_KANA = 0.1  # kana for each Han character, from which on a text is Japanese

_LANGUAGE_OF = {script: language for script, language in LIKELIEST_LANGUAGE.items() if script not in SHARED}


def _script_language(text: str) -> str | None:
    """The language of the script that more than half of the letters are of."""
    if text.isascii():
        return None
    counts = Counter(_LANGUAGE_OF.get(script_of(letter) or "") for letter in text if letter.isalpha())
    num_letters = counts.total()
    del counts[None]
    if counts["ja"] > _MIN_KANA * counts["zh"]:  # Japanese mixes both
        counts["ja"] += counts["zh"]
    [(language, count)] = counts.most_common(1) or [(None, 0)]
    return language if 2 * count > num_letters else None


def identify_languages(texts: Sequence[str], given: Sequence[str | None]) -> list[str]:
    """ISO 639-1 codes for texts, `und` where nothing is known; given languages are kept."""
    languages = [
        primary_language(language) or _script_language(text) for text, language in zip(texts, given, strict=True)
    ]
    if None not in languages:
        return [language or UNKNOWN for language in languages]
    long = {
        index: py3langid.classify(text)[0]
        for index, (text, language) in enumerate(zip(texts, languages, strict=True))
        if language is None and sum(map(str.isalpha, text)) >= MIN_LETTERS
    }
    shares = Counter(long.values()) or Counter(language for language in languages if language)
    common = {language for language, count in shares.items() if count >= _MIN_SHARE * shares.total()}
    fallback = min(common, key=lambda language: (-shares[language], language), default=UNKNOWN)
    return [
        language or (long[index] if long.get(index) in common else fallback) for index, language in enumerate(languages)
    ]
