"""Tags of languages, such as pt-BR: the part that names the language."""

import re

__all__ = ["UNKNOWN", "primary_language"]

UNKNOWN = "und"  # ISO 639-2: undetermined

_TAG = re.compile(r"([a-z]{2,3})(?:[-_]|$)")
_NO_LANGUAGE = (UNKNOWN, "mul", "zxx")  # ISO 639-2: undetermined, several, none


def primary_language(tag: str | None) -> str | None:
    """The language part of a tag such as pt-BR; None for what names no language."""
    found = _TAG.match(tag.strip().lower()) if tag else None
    return found[1] if found and found[1] not in _NO_LANGUAGE else None
