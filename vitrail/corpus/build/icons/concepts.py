"""Which icons show one concept, which must share a split, and which sets are one artist's."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from vitrail.corpus.build.groups import connect_groups
from vitrail.corpus.build.icons.base_names import find_style_marks
from vitrail.corpus.build.icons.sets import IconSet, SetInfo
from vitrail.corpus.build.icons.themes import theme_of

__all__ = ["Catalogue", "Icon", "find_icons"]

_MIN_COPIED_SHARE = 0.1  # of the smaller set's drawings, in the other set too: one took them from the other

_SAME_AUTHORS = {"Material Design Authors": "Google"}  # who pack Google's older icons

_Place = tuple[str, str]  # a set and a name in it


@dataclass(frozen=True, slots=True)
class Icon:
    """One drawing.

    Attributes:
        image_id: The short name of its set and its own.
        prefix: Of its set.
        family: The largest of the sets that are by one author or copy each other.
        concept: What it shows: its base name, or the shortest of those that have the same drawing somewhere.
        group: Concepts that are joined by an alias too: they share a split.
        theme: What most of the sets say that give the concept a theme; None where none does, or no majority.
    """

    image_id: str
    prefix: str
    family: str
    concept: str
    group: str
    theme: str | None


class Catalogue:
    """What must be known of all sets at once: names, other names, themes, and digests of drawings."""

    def __init__(self) -> None:
        self.infos: dict[str, SetInfo] = {}
        self.digests: dict[_Place, bytes] = {}
        self.aliases: list[tuple[_Place, _Place]] = []
        self.themes: dict[_Place, str] = {}

    def add(self, icons: IconSet) -> None:
        """Takes note of a set."""
        prefix = icons.info.prefix
        self.infos[prefix] = icons.info
        for name, svg in icons.drawings.items():
            self.digests[prefix, name] = hashlib.sha256(svg.encode()).digest()
            theme = theme_of(icons.categories.get(name, ()))
            if theme is not None:
                self.themes[prefix, name] = theme
        for name, others in icons.aliases.items():
            self.aliases.extend(((prefix, other), (prefix, name)) for other in others)

    def names(self) -> dict[str, list[str]]:
        """The names of each set's drawings."""
        names: dict[str, list[str]] = {prefix: [] for prefix in self.infos}
        for prefix, name in self.digests:
            names[prefix].append(name)
        return names


def find_icons(catalogue: Catalogue) -> list[Icon]:
    """Every drawing with its concept, group and family, in the order of the catalogue."""
    names = catalogue.names()
    marks = find_style_marks({prefix: (info, names[prefix]) for prefix, info in catalogue.infos.items()})
    bases = {(prefix, name): marks[prefix].base_name(name) for prefix, name in catalogue.digests}
    synonyms = [(marks[prefix].base_name(alias), bases[place]) for (prefix, alias), place in catalogue.aliases]
    same_drawing = _shared_drawings(catalogue.digests, bases)
    concepts = _name_components(set(bases.values()), same_drawing)
    groups = _name_components(set(bases.values()), [*same_drawing, *synonyms])
    families = _find_families(catalogue)
    themes = _vote({place: concepts[base] for place, base in bases.items()}, catalogue.themes)
    return [
        Icon(f"{prefix}/{name}", prefix, families[prefix], concepts[base], groups[base], themes.get(concepts[base]))
        for (prefix, name), base in bases.items()
    ]


def _shared_drawings(digests: Mapping[_Place, bytes], bases: Mapping[_Place, str]) -> list[tuple[str, ...]]:
    """Base names that have the very same drawing somewhere."""
    found: dict[bytes, set[str]] = defaultdict(set)
    for place, digest in digests.items():
        found[digest].add(bases[place])
    return [tuple(sorted(shared)) for shared in found.values() if len(shared) > 1]


def _name_components(bases: Iterable[str], joined: Sequence[Sequence[str]]) -> dict[str, str]:
    """For every base name the shortest of those that it is joined with, directly or through others."""
    features: dict[str, list[int]] = {base: [] for base in sorted(bases, key=lambda base: (len(base), base))}
    for feature, members in enumerate(joined):
        for base in members:
            if base in features:
                features[base].append(feature)
    ordered = list(features)
    return dict(zip(ordered, (ordered[first] for first in connect_groups(features.values())), strict=True))


def _vote(concepts: Mapping[_Place, str], themes: Mapping[_Place, str]) -> dict[str, str]:
    """The theme of each concept that has a majority for one; a set has a voice for every theme that it names."""
    voices: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for place, theme in themes.items():
        voices[concepts[place]].add((place[0], theme))
    chosen = {}
    for concept, own in voices.items():
        theme, num = Counter(theme for _, theme in own).most_common(1)[0]
        if 2 * num > len(own):
            chosen[concept] = theme
    return chosen


def _find_families(catalogue: Catalogue) -> dict[str, str]:
    sets_with: dict[bytes, set[str]] = defaultdict(set)
    own: dict[str, set[bytes]] = defaultdict(set)
    for (prefix, _), digest in catalogue.digests.items():
        sets_with[digest].add(prefix)
        own[prefix].add(digest)
    num_shared = Counter(pair for sets in sets_with.values() for pair in combinations(sorted(sets), 2))
    copied = [
        pair for pair, num in num_shared.items() if num >= _MIN_COPIED_SHARE * min(len(own[prefix]) for prefix in pair)
    ]
    by_size = sorted(catalogue.infos, key=lambda prefix: (-len(own[prefix]), prefix))
    features = [[_author(catalogue.infos[prefix]), *(pair for pair in copied if prefix in pair)] for prefix in by_size]
    return dict(zip(by_size, (by_size[first] for first in connect_groups(features)), strict=True))


def _author(info: SetInfo) -> str:
    return _SAME_AUTHORS.get(info.author, info.author)
