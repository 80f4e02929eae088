"""Values of label and group columns: one spelling for what differs only for a computer.

The one place that decides what a list is: a column of classes holds one class an image, so a list is refused.
"""

import functools
import math
import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

from vitrail.corpus.build.metadata.plain_text import require_plain

__all__ = ["NOTHING_WORDS", "is_nothing", "plain_value"]

# What spreadsheets, data frames and databases write for a cell without a value, in lower case.
NOTHING_WORDS = frozenset(
    {
        "nan", "-nan", "+nan", "none", "null", "nil", "n/a", "na", "n.a.", "n.a", "#n/a", "#na", "#n/a n/a", "<na>",
        "nat", "(null)", "\\n", "undefined", "1.#qnan", "-1.#ind", "#null!", "#value!", "-", "--", "?",
    }
)  # fmt: skip
_INTEGRAL = re.compile(r"([+-]?)(0|[1-9][0-9]*)\.0+")
_LIST = re.compile(r"\[.*\]|\{.*\}|\(\s*['\"].*,.*\)", re.DOTALL)
_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u200e\u200f\u2060\ufeff")
_EXACT_INTEGERS = 2**53  # of a float64


def is_nothing(value: Any) -> bool:
    """Whether a cell is empty: null, not a number, or blank."""
    if isinstance(value, str):
        return not value or value.isspace() or (not value.isascii() and not value.translate(_INVISIBLE).strip())
    if isinstance(value, Decimal):
        return value.is_nan()
    return value is None or (isinstance(value, float) and math.isnan(value))


def plain_value(value: Any) -> str:
    """The one spelling of a class, a group or a domain.

    Blanks at the ends go and those inside become single spaces, invisible characters go, letters are composed
    (NFC), and integers written as floats are integers: `0`, `0.0` and `"0.0"` are one class.

    Raises:
        ValueError: The value is a list, or another thing that is no word and no number; the message says which.
    """
    if isinstance(value, str):
        return _plain_word(value)
    if isinstance(value, (list, tuple, set, dict)):
        raise ValueError(_list_reason(value))
    if isinstance(value, (bool, int, date)):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value.normalize(), "f")
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value) if value.is_integer() and abs(value) < _EXACT_INTEGERS else value)
    raise ValueError(f"{value!r:.80} ({type(value).__name__}) is no word and no number; write one")


@functools.lru_cache(maxsize=1 << 16)  # a class stands in many rows
def _plain_word(text: str) -> str:
    require_plain(text)
    words = " ".join(unicodedata.normalize("NFC", text.translate(_INVISIBLE)).split())
    if _LIST.fullmatch(words):
        raise ValueError(_list_reason(text))
    match = _INTEGRAL.fullmatch(words)
    return _signed(match[1], match[2]) if match else words


def _list_reason(value: Any) -> str:
    return f"{value!r:.80} is a list, and an image has one value here; keep one, or make columns of it"


def _signed(sign: str, digits: str) -> str:
    return f"-{digits}" if sign == "-" and digits != "0" else digits
