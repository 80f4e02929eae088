"""Texts that a table can hold: UTF-8 without NUL."""

from vitrail.corpus.readable_names import UNSHOWN, readable

__all__ = ["require_plain"]


def require_plain(text: str) -> None:
    """Refuses a text with a NUL, half of a surrogate pair or a byte that is not UTF-8.

    Raises:
        ValueError: The message says what was found and how to mend it.
    """
    match = UNSHOWN.search(text)
    if match is None:
        return
    shown, found = f"'{readable(text)[:80]}'", readable(match[0])
    if found == r"\x00":
        raise ValueError(f"{shown} holds a NUL character; remove it")
    if found.startswith(r"\x"):
        raise ValueError(f"byte 0{found[1:]} in {shown} is not UTF-8; save the file as UTF-8")
    raise ValueError(f"{shown} holds half of a surrogate pair ({found}, as of a cut emoji); remove it")
