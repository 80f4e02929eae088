"""Names and texts that every table and terminal can show."""

import re

__all__ = ["UNSHOWN", "readable"]

UNSHOWN = re.compile("[\0\ud800-\udfff]")
_FIRST, _LAST = 0xDC80, 0xDCFF  # bytes that are not UTF-8, as Python holds them in names (PEP 383)


def readable(text: str) -> str:
    r"""The text with what UTF-8 cannot hold written out, each in its own way: `caf\xe9` for a name in Latin-1."""
    return UNSHOWN.sub(_write_out, text)


def _write_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0 or _FIRST <= code <= _LAST:
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}"
