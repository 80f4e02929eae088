"""Misspellings: rare words one letter away from a far more frequent one."""

from collections.abc import Sequence

__all__ = ["find_misspellings"]

_MIN_LETTERS = 6  # shorter words have neighbours that are words: "cart" and "card"
_MIN_RATIO = 20  # of the frequencies; true words one letter apart are rarely so unequal
_MAX_SLIPS = 4  # a form that more independent texts have is a word: "desert" beside a frequent "dessert"
_ENDING = 2  # letters in which inflections differ: "gato" and "gata"


def _deletions(word: str) -> set[str]:
    """The word and every way to leave out one letter before its ending (Garbe's symmetric delete index)."""
    return {word, *(word[:index] + word[index + 1 :] for index in range(len(word) - _ENDING))}


def _is_slip(word: str, right: str) -> bool:
    if word[0] != right[0]:
        return False
    return len(word) != len(right) or sorted(word) == sorted(right)


def find_misspellings(words: Sequence[str], counts: Sequence[int]) -> dict[int, int]:
    """Misspelt words by position, and the position of the word each stands for.

    A word is misspelt when it is rare and another that is at least 20 times as frequent turns into it by adding,
    leaving out or swapping letters at one place between the first letter and the ending. Replaced letters and first
    letters are left alone: there most rare neighbours are words ("waxing" and "waving", "feather" and "weather").
    """
    index: dict[str, list[int]] = {}
    order = sorted(range(len(words)), key=lambda position: (-counts[position], words[position]))
    found: dict[int, int] = {}
    for position in order:
        word = words[position]
        if len(word) < _MIN_LETTERS or not (word.isascii() and word.isalpha()):
            continue
        forms = _deletions(word)
        rivals = {rival for form in forms for rival in index.get(form, ()) if _is_slip(word, words[rival])}
        likely = [rival for rival in rivals if counts[rival] >= _MIN_RATIO * counts[position]]
        if likely and counts[position] <= _MAX_SLIPS:
            found[position] = max(likely, key=lambda rival: (counts[rival], words[rival]))
            continue
        for form in forms:
            index.setdefault(form, []).append(position)
    return found
