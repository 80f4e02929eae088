"""What the code points of an emoji say: its skin tone, its concept and the family of its variants."""

__all__ = ["SKIN_TONES", "concept_of", "family_of", "is_private", "normalise_codes", "skin_tone_of"]

_MODIFIERS = {
    "1F3FB": "light",
    "1F3FC": "medium-light",
    "1F3FD": "medium",
    "1F3FE": "medium-dark",
    "1F3FF": "dark",
}
SKIN_TONES = ("none", *_MODIFIERS.values())

_JOINER, _VARIATION = "200D", "FE0F"
_SWATCH = "1F3FB"  # stands for the five modifiers on their own
_GENDER_AND_DIRECTION = {"2640", "2642", "27A1"}
_PERSON, _CHILD, _ELDER = "1F9D1", "1F9D2", "1F9D3"
_NEUTRAL = {
    "1F468": _PERSON,
    "1F469": _PERSON,
    "1F466": _CHILD,
    "1F467": _CHILD,
    "1F474": _ELDER,
    "1F475": _ELDER,
}
# Toned pairs are spelled as joined sequences, the same pair without tone often as one code point.
_CONCEPT_SPELLINGS = {
    "1F469-1F91D-1F468": "1F46B",
    "1F468-1F91D-1F468": "1F46C",
    "1F469-1F91D-1F469": "1F46D",
    "1F9D1-2764-1F9D1": "1F491",
    "1F9D1-2764-1F48B-1F9D1": "1F48F",
    "1FAF1-1FAF2": "1F91D",
    "1F9D1-1F430-1F9D1": "1F46F",
    "1F9D1-1FAEF-1F9D1": "1F93C",
}
_FAMILY_SPELLINGS = {
    "1F46B": "1F9D1-1F91D-1F9D1",
    "1F46C": "1F9D1-1F91D-1F9D1",
    "1F46D": "1F9D1-1F91D-1F9D1",
    "1F9D1-2764-1F9D1": "1F491",
    "1F9D1-2764-1F48B-1F9D1": "1F48F",
    "1F9D1-1F430-1F9D1": "1F46F",
    "1F9D1-1FAEF-1F9D1": "1F93C",
    "1F936": "1F385",  # Santa, whatever the gender
    "1F9D1-1F384": "1F385",
    "1F478": "1F934",  # princess, prince, person with crown
    "1FAC5": "1F934",
    "1F57A": "1F483",  # man and woman dancing
    "1FAC3": "1F930",  # pregnant man, person, woman
    "1FAC4": "1F930",
}


def normalise_codes(stem: str) -> str:
    """Upper-case code points joined by "-", without the variation selector that fonts add or leave out."""
    return "-".join(code.upper().zfill(4) for code in stem.split("-") if code.upper() != _VARIATION)


def is_private(codes: str) -> bool:
    """Whether a code point lies in a private-use area: a drawing of one vendor, without a Unicode meaning."""
    points = (int(code, 16) for code in codes.split("-"))
    return any(0xE000 <= point <= 0xF8FF or point >= 0xF0000 for point in points)


def skin_tone_of(codes: str) -> str | None:
    """The tone of the modifiers, "none" without any, None when two people have different ones."""
    tones = {_MODIFIERS[code] for code in codes.split("-") if code in _MODIFIERS}
    if not tones:
        return "none"
    return tones.pop() if len(tones) == 1 else None


def concept_of(codes: str) -> str:
    """What is drawn, whatever the skin tone: the code points without modifiers."""
    parts = [code for code in codes.split("-") if code not in _MODIFIERS]
    bare = "-".join(code for code in parts if code != _JOINER)
    return _CONCEPT_SPELLINGS.get(bare) or "-".join(parts) or codes


def family_of(codes: str) -> str:
    """The same for every skin tone, gender and direction of a concept; splits keep a family together."""
    parts = [code for code in codes.split("-") if code not in _MODIFIERS]
    if not parts:
        return _SWATCH
    heads = [_NEUTRAL.get(code, code) for code in parts if code != _JOINER]
    kept = [code for at, code in enumerate(heads) if at == 0 or code not in _GENDER_AND_DIRECTION]
    if len(kept) > 1 and set(kept) <= {_PERSON, _CHILD}:
        return "1F46A"
    bare = "-".join(kept)
    bare = _CONCEPT_SPELLINGS.get(bare, bare)
    return _FAMILY_SPELLINGS.get(bare, bare)
