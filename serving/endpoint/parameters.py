"""Parameters of requests, parsed strictly: what is checked is all of what is converted."""

import re
from collections.abc import Sequence
from typing import Any

from .refusals import Refusal

__all__ = ["DEFAULT_K", "MAX_K", "parse_k", "parse_key"]

DEFAULT_K = 10
MAX_K = 100
_WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,8}")  # decimal as programs write it: ASCII, no sign, no leading zeros


def parse_k(values: Sequence[Any]) -> int:
    """How many results are wanted, from all values that a request gives for it.

    Raises:
        Refusal: It is given twice, or is no whole number from 1 to MAX_K.
    """
    if not values:
        return DEFAULT_K
    k = _parse_whole_number(values[0])
    if len(values) == 1 and k is not None and 1 <= k <= MAX_K:
        return k
    raise Refusal(400, "bad_k", f"k must be one whole number from 1 to {MAX_K}")


def parse_key(text: str) -> int:
    """The key of an image of the index.

    Raises:
        Refusal: It is no whole number.
    """
    key = _parse_whole_number(text)
    if key is None:
        raise Refusal(404, "no_such_image", "the key of an image is a whole number")
    return key


def _parse_whole_number(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value) else None
