"""Which icons a corpus of some size has: whole concepts that several families draw, so that sizes are nested."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from vitrail.corpus.build.icons.concepts import Icon

__all__ = ["choose_icons", "widely_drawn"]


def widely_drawn(icons: Sequence[Icon]) -> frozenset[str]:
    """Concepts that two families draw or more."""
    families: dict[str, set[str]] = defaultdict(set)
    for icon in icons:
        families[icon.concept].add(icon.family)
    return frozenset(concept for concept, own in families.items() if len(own) > 1)


def choose_icons(icons: Sequence[Icon], max_images: int) -> list[Icon]:
    """Groups in the order of a hash until one more would be too many; smaller choices are part of larger ones.

    Of a group come the concepts that are widely drawn, and of these one drawing a set, by hash, whatever its style.
    """
    concepts = widely_drawn(icons)
    groups: dict[str, dict[tuple[str, str], Icon]] = defaultdict(dict)
    for icon in sorted(icons, key=lambda icon: _hash(icon.image_id)):
        if icon.concept in concepts:
            groups[icon.group].setdefault((icon.concept, icon.prefix), icon)
    chosen: list[Icon] = []
    for group in sorted(groups, key=_hash):
        if len(chosen) + len(groups[group]) > max_images:
            break
        chosen.extend(groups[group].values())
    return chosen


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
