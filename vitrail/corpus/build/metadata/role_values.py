"""Values of the columns with a role: split, time, weight and language."""

import math
import re
from datetime import UTC, date, datetime
from typing import Any

from vitrail.corpus.build.metadata.label_values import plain_value
from vitrail.corpus.build.metadata.split_words import split_word

__all__ = ["ROLES", "role_value"]

ROLES = frozenset({"group", "split", "domain", "observed_at", "language", "weight"})

_MAX_WEIGHT = 3e38  # of a float32
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?")
_ZERO_DATE = re.compile(r"0000-00-00([ T]00:00:00.*)?")
# Seconds from 1973 to 5138 have 9 to 11 digits; milliseconds, as JavaScript counts, have 12 to 14.
_FIRST_SECOND, _FIRST_MILLISECOND, _LAST_MILLISECOND = 10**8, 10**11, 10**14


def role_value(name: str, value: Any) -> Any:
    """What a value means in the role `name`, or None where it means "unknown".

    Raises:
        ValueError: The value is not one of the role's; the message says what is.
    """
    if name == "split":
        return _split(value)
    if name == "observed_at":
        return _time(value)
    if name == "weight":
        return _weight(value)
    return _language(value) if name == "language" else plain_value(value)


def _split(value: Any) -> str:
    split = split_word(plain_value(value))
    if split is None:
        raise ValueError(f"split {value!r:.80} is none of train, val (valid, validation, dev) and test")
    return split


def _language(value: Any) -> str:
    match = _LANGUAGE.fullmatch(plain_value(value).lower())
    if match is None:
        raise ValueError(f"language {value!r:.80} is not an ISO 639 code, such as en or pt-BR")
    return match[1]


def _weight(value: Any) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"weight {value!r:.80} is not a number, such as 1.5") from error
    if not 0 <= weight <= _MAX_WEIGHT:
        raise ValueError(f"weight {value!r:.80} must be finite and not negative")
    return weight


def _time(value: Any) -> datetime | None:
    if isinstance(value, str) and _ZERO_DATE.fullmatch(value.strip()):
        return None  # MySQL's word for no date
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        value = _parsed_time(value)
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"time {value} is outside the years 1 to 9999") from error


def _parsed_time(value: Any) -> datetime:
    seconds = _seconds(value)
    if seconds is not None:
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError as error:
        raise ValueError(f"time {value!r:.80} is not ISO 8601, such as 2024-05-31, nor seconds since 1970") from error


def _seconds(value: Any) -> float | None:
    """Seconds since 1970 from a number of seconds or milliseconds; None for anything else, such as 20240531."""
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float(str(value))
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number) or not _FIRST_SECOND <= abs(number) < _LAST_MILLISECOND:
        return None
    return number if abs(number) < _FIRST_MILLISECOND else number / 1000
