"""Texts that a table can hold: UTF-8 without NUL."""

import re

__all__ = ["escape_bytes", "require_plain"]

_UNPLAIN = re.compile("[\0\ud800-\udfff]")
_FIRST_ESCAPED, _LAST_ESCAPED = 0xDC80, 0xDCFF  # what `surrogateescape` makes of bytes that are not UTF-8


def require_plain(text: str) -> None:
    """Refuses a text with a NUL, half of a surrogate pair or a byte that is not UTF-8.

    Raises:
        ValueError: The message says what was found and how to mend it.
    """
    match = _UNPLAIN.search(text)
    if match is None:
        return
    code = ord(match[0])
    if code == 0:
        raise ValueError(f"{text!r:.80} holds a NUL character; remove it")
    if _FIRST_ESCAPED <= code <= _LAST_ESCAPED:
        raise ValueError(f"byte {code - 0xDC00:#04x} in {text!r:.80} is not UTF-8; save the file as UTF-8")
    raise ValueError(f"{text!r:.80} holds half of a surrogate pair (a cut emoji, {code:#06x}); remove it")


def escape_bytes(text: str) -> str:
    """The text with what is not plain written as escapes, so that any table can hold it."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
