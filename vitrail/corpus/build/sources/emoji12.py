"""The corpus emoji12: the corpus `emoji`, and the same emoji in ten further styles.

The further styles are sets of npm's package `@iconify/json`; a drawing is known by its name, whose code points some
set states. Concepts are in the split that they have in `emoji`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vitrail.contracts.corpus import UNUSED_SCHEMA, CorpusManifest
from vitrail.corpus.build.emoji.codes import is_private, normalise_codes
from vitrail.corpus.build.icons.package import MADE_FROM, fetch_icons
from vitrail.corpus.build.icons.sets import IconSet, describe_licence, read_sets
from vitrail.corpus.build.source import NamedCorpus
from vitrail.corpus.build.sources.emoji import EMOJI_LICENCES, Drawing, build_drawings, emoji_drawings
from vitrail.corpus.build.writer import Card
from vitrail.corpus.store.tables import table_of

__all__ = ["SOURCES", "build_emoji12", "build_with_package"]

_SHARD_IMAGES = 1000
# The hand that drew each set: its sets differ in version, colour or relief.
_HANDS = {
    "emojione": "emojione",
    "emojione-monotone": "emojione",
    "emojione-v1": "emojione",
    "fluent-emoji": "fluent",
    "fluent-emoji-flat": "fluent",
    "fluent-emoji-high-contrast": "fluent",
    "fxemoji": "fxemoji",
    "noto": "noto",
    "noto-v1": "noto",
    "streamline-emojis": "streamline",
}
_NAMING_SETS = ("openmoji", "twemoji")  # whose drawings come from packages of their own


def build_emoji12(folder: Path, cache: Path) -> CorpusManifest:
    """Builds the corpus into an empty folder.

    Args:
        folder: The corpus.
        cache: Where npm's package is kept.

    Raises:
        CorpusError: A package is missing or cannot be fetched.
    """
    return build_with_package(folder, fetch_icons(cache), emoji_drawings())


def build_with_package(folder: Path, package: Path, drawings: Iterable[Drawing]) -> CorpusManifest:
    """Builds the corpus from drawings of `emoji` and the further styles of the package's file."""
    sets = list(read_sets(package, {*_HANDS, *_NAMING_SETS}))
    codes = _codes_by_name(sets)
    further = {found.info.prefix: _drawings_of(found, codes) for found in sets if found.info.prefix in _HANDS}
    licences = [
        describe_licence(found.info, len(further[found.info.prefix])) for found in sets if found.info.prefix in further
    ]
    return build_drawings(
        folder,
        Card(
            name="emoji12",
            title="Emoji in twelve styles",
            description=(
                "The corpus emoji, and its emoji as ten further sets draw them, 72 pixels, with the same texts and the "
                f"same splits. Built from {MADE_FROM} and the packages of emoji."
            ),
            licences=(*EMOJI_LICENCES, *sorted(licences)),
        ),
        [*drawings, *(drawing for found in further.values() for drawing in found)],
        _SHARD_IMAGES,
        unused=table_of(list(_unused(sets, further)), UNUSED_SCHEMA),
    )


SOURCES = (NamedCorpus(name="emoji12", build=build_emoji12),)


def _codes_by_name(sets: Sequence[IconSet]) -> dict[str, str]:
    """Code points by key of a name; sets agree on names, up to hyphens."""
    found: dict[str, str] = {}
    for icon_set in sets:
        for name, characters in icon_set.characters.items():
            known = [normalise_codes(codes) for codes in characters]
            known = sorted(codes for codes in known if not is_private(codes))
            if known:
                found.setdefault(_key(name), known[0])
    return found


def _drawings_of(icon_set: IconSet, codes: Mapping[str, str]) -> list[Drawing]:
    """The drawings whose code points are known by their name or another one; of two with the same the first."""
    prefix = icon_set.info.prefix
    found: dict[str, Drawing] = {}
    for name, svg in icon_set.drawings.items():
        known = [codes[key] for key in map(_key, (name, *icon_set.aliases.get(name, ()))) if key in codes]
        if known:
            found.setdefault(known[0], Drawing(prefix, _HANDS[prefix], known[0], svg))
    return list(found.values())


def _key(name: str) -> str:
    return name.replace("-", "")


def _unused(sets: Sequence[IconSet], further: Mapping[str, Sequence[Drawing]]) -> Iterator[dict[str, str]]:
    for icon_set in sets:
        prefix = icon_set.info.prefix
        if prefix in further and len(icon_set.drawings) > len(further[prefix]):
            num = len(icon_set.drawings) - len(further[prefix])
            yield {
                "name": f"{prefix}: {num:,} drawings",
                "reason": "no code points are known by the name, or another has them",
            }
