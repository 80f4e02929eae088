"""Base names: names of icons without the marks of a style and without the number of a variant.

What marks a style is found in the sets. A set declares beginnings and ends of names that are styles. An end that
sets of three authors declare or more is a style in other sets too, where most names that end so have the same name
beside them without it or in another style, or where every fourth name ends so: `-line` of `bulb-line` beside
`bulb-solid` is one, of `chart-line` beside nothing it is not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from vitrail.corpus.build.icons.sets import SetInfo

__all__ = ["StyleMarks", "find_style_marks"]

_MIN_AUTHORS = 3
_MIN_NAMES = 5  # with an end, for their share to mean something
_MIN_PAIRED_SHARE = 1 / 2
_MIN_NAME_SHARE = 1 / 4
_VARIANT_NUMBER = re.compile(r"(.*[a-z].*?)-\d{1,3}")


@dataclass(frozen=True)
class StyleMarks:
    """Beginnings and ends of names that are styles in one set, longest first."""

    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]

    @classmethod
    def of(cls, prefixes: Iterable[str], suffixes: Iterable[str]) -> Self:
        """From marks in any order."""
        ordered = (tuple(sorted(set(marks), key=lambda mark: (-len(mark), mark))) for marks in (prefixes, suffixes))
        return cls(*ordered)

    def base_name(self, name: str) -> str:
        """The name without one beginning, one end and a number behind it; never empty."""
        for mark in self.prefixes:
            if name.startswith(f"{mark}-"):
                name = name.removeprefix(f"{mark}-")
                break
        for mark in self.suffixes:
            if name.endswith(f"-{mark}"):
                name = name.removesuffix(f"-{mark}")
                break
        numbered = _VARIANT_NUMBER.fullmatch(name)
        return numbered[1] if numbered else name


def find_style_marks(sets: Mapping[str, tuple[SetInfo, Sequence[str]]]) -> dict[str, StyleMarks]:
    """The marks of each set.

    Args:
        sets: Card and names of drawings, by the set's short name.
    """
    common = _common_ends([info for info, _ in sets.values()])
    return {
        prefix: StyleMarks.of(info.prefixes, {*info.suffixes, *_ends_used(common, frozenset(names))})
        for prefix, (info, names) in sets.items()
    }


def _common_ends(infos: Iterable[SetInfo]) -> frozenset[str]:
    authors = defaultdict(set)
    for info in infos:
        for end in info.suffixes:
            authors[end].add(info.author)
    return frozenset(end for end, own in authors.items() if len(own) >= _MIN_AUTHORS and not end.isdigit())


def _ends_used(common: frozenset[str], names: frozenset[str]) -> list[str]:
    used = []
    for end in sorted(common):
        stems = [name.removesuffix(f"-{end}") for name in names if name.endswith(f"-{end}")]
        others = ["", *(f"-{other}" for other in common if other != end)]
        num_paired = sum(any(stem + other in names for other in others) for stem in stems)
        is_style = num_paired >= _MIN_PAIRED_SHARE * len(stems) or len(stems) >= _MIN_NAME_SHARE * len(names)
        if len(stems) >= _MIN_NAMES and is_style:
            used.append(end)
    return used
