"""Parameters of requests, parsed strictly: what is checked is all of what is converted."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .refusals import Refusal

__all__ = [
    "DEFAULT_K",
    "MAX_CHARACTERS",
    "MAX_K",
    "MAX_OFFSET",
    "MAX_TEXT",
    "MAX_VALUES",
    "Values",
    "parse_flag",
    "parse_k",
    "parse_key",
    "parse_names",
    "parse_offset",
    "parse_text",
    "require_known",
]

Values = Mapping[str, Sequence[Any]]  # all values that a request gives, by the name of the parameter

DEFAULT_K = 10
MAX_K = 100
MAX_OFFSET = 1000
MAX_VALUES = 8  # of one parameter
MAX_CHARACTERS = 500  # of a name
MAX_TEXT = 200  # characters that are searched for
_WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,8}")  # decimal as programs write it: ASCII, no sign, no leading zeros
_FLAGS = {"true": True, "false": False}


def parse_k(values: Sequence[Any]) -> int:
    """How many results are wanted, from all values that a request gives for it.

    Raises:
        Refusal: It is given twice, or is no whole number from 1 to MAX_K.
    """
    return _parse_one_number("k", values, DEFAULT_K, 1, MAX_K)


def parse_offset(values: Sequence[Any]) -> int:
    """How many results the page that is wanted leaves out, from all values that a request gives for it.

    Raises:
        Refusal: It is given twice, or is no whole number from 0 to MAX_OFFSET.
    """
    return _parse_one_number("offset", values, 0, 0, MAX_OFFSET)


def parse_flag(name: str, values: Sequence[Any], *, default: bool) -> bool:
    """A parameter that is `true` or `false`, from all values that a request gives for it.

    Raises:
        Refusal: It is given twice, or is neither.
    """
    if not values:
        return default
    flag = _FLAGS.get(values[0]) if isinstance(values[0], str) else None
    if len(values) == 1 and flag is not None:
        return flag
    raise Refusal(400, f"bad_{name}", f"{name} must be true or false, once")


def parse_names(name: str, values: Sequence[Any]) -> tuple[str, ...]:
    """A parameter that may be given several times, as names from the gallery; each name is kept once.

    Raises:
        Refusal: There are more than MAX_VALUES, or one is empty or has more than MAX_CHARACTERS.
    """
    is_good = all(isinstance(value, str) and 1 <= len(value) <= MAX_CHARACTERS for value in values)
    if len(values) <= MAX_VALUES and is_good:
        return tuple(dict.fromkeys(values))
    raise Refusal(
        400,
        f"bad_{name}",
        f"{name} may be given {MAX_VALUES} times, each with 1 to {MAX_CHARACTERS} characters of text",
    )


def parse_text(values: Sequence[Any]) -> str:
    """What is searched for in words, from all values that a request gives for it.

    Raises:
        Refusal: It is not given once, or has none or more than MAX_TEXT characters.
    """
    if len(values) == 1 and isinstance(values[0], str) and 1 <= len(values[0]) <= MAX_TEXT:
        return values[0]
    raise Refusal(400, "bad_text", f"text must be given once, with 1 to {MAX_TEXT} characters")


def require_known(given: Values, known: Collection[str]) -> None:
    """Refuses parameters that a route does not have: a filter that is misspelt would filter nothing.

    Raises:
        Refusal: There is one.
    """
    unknown = next((name for name in given if name not in known), None)
    if unknown is not None:
        shown = unknown[:MAX_CHARACTERS]
        raise Refusal(400, "unknown_parameter", f"there is no parameter {shown!r}; there are {', '.join(known)}")


def parse_key(text: str) -> int:
    """The key of an image of the index.

    Raises:
        Refusal: It is no whole number.
    """
    key = _parse_whole_number(text)
    if key is None:
        raise Refusal(404, "no_such_image", "the key of an image is a whole number")
    return key


def _parse_one_number(name: str, values: Sequence[Any], default: int, least: int, most: int) -> int:
    if not values:
        return default
    number = _parse_whole_number(values[0])
    if len(values) == 1 and number is not None and least <= number <= most:
        return number
    raise Refusal(400, f"bad_{name}", f"{name} must be one whole number from {least} to {most}")


def _parse_whole_number(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else None
