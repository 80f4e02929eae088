"""Words for the splits, as folders and columns spell them."""

import re

__all__ = ["split_word"]

_WORDS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev", "devel", "development"),
    "test": ("test", "testing", "tst"),
}
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words}
# "Train ", "train2017", "test_set", "validation-data", "training images"; not "trainval", which is two of them.
_FORM = re.compile(r"([a-z]+?)(?:[\s_-]*(?:set|split|data|images|imgs))?[\s_-]*\d*")


def split_word(text: str) -> str | None:
    """The split that a word names in any of its usual forms, or None."""
    match = _FORM.fullmatch(text.strip().lower())
    return _SPLIT_OF.get(match[1]) if match else None
