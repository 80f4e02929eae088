"""The scripts that words are written in, by the names of Unicode."""

import functools
import unicodedata

__all__ = ["LATIN", "LIKELIEST_LANGUAGE", "SHARED", "script_of"]

LATIN = "LATIN"
LIKELIEST_LANGUAGE = {  # of a script that is written in one major language, or in one that dominates
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "KATAKANA-HIRAGANA": "ja",  # the mark of a long vowel
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
SHARED = frozenset({"ARABIC", "CYRILLIC"})  # by several major languages, which a long text tells apart by its words


def script_of(word: str) -> str | None:
    """The script of the first letter; None for a word without letters."""
    return next((_script(letter) for letter in word if letter.isalpha()), None)


@functools.cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNNAMED").split(" ")[0]
