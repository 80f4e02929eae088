"""Icon sets as they lie in npm's package `@iconify/json`: drawings, other names, categories, and who made them."""

import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["LEFT_OUT", "IconSet", "SetInfo", "describe_licence", "read_sets"]

_SET_FILE = re.compile(r"package/json/(?P<prefix>[a-z0-9-]+)\.json")
_DEFAULT_SIDE = 16  # of a drawing whose size neither it nor its set states
_ANIMATIONS = ("<animate", "<set ")

# What of a set is not used, and why.
LEFT_OUT = {
    "withdrawn": "the set has withdrawn it",
    "animated": "its first moment may be empty",
    "turned aliases": "the alias stands for the drawing turned or mirrored",
    "lost aliases": "the alias stands for a drawing that is not used",
}


@dataclass(frozen=True, kw_only=True)
class SetInfo:
    """The card of a set.

    Attributes:
        prefix: Its short name, unique in the package.
        title: Its name.
        author: Who drew it.
        author_url: Where they are found.
        licence: SPDX identifier; the licence's title where it has none.
        kind: The shelf on which the package keeps it ("Material", "Logos"); empty for retired sets.
        changed_at: When it last changed.
        prefixes: Beginnings of names that the set declares to be styles.
        suffixes: Ends of names that the set declares to be styles.
    """

    prefix: str
    title: str
    author: str
    author_url: str
    licence: str
    kind: str
    changed_at: datetime
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class IconSet:
    """A set with its drawings.

    Attributes:
        info: Its card.
        drawings: SVG by name; black where a drawing leaves the colour open.
        aliases: Other names of a drawing, by its name.
        categories: Those of a drawing, by its name.
        characters: Code points of the characters that drawings stand for, by name.
        left_out: How many drawings and aliases are not used, by key of LEFT_OUT.
    """

    info: SetInfo
    drawings: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    categories: Mapping[str, tuple[str, ...]]
    characters: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, int]


def describe_licence(info: SetInfo, num_drawings: int) -> str:
    """The line of a corpus's card about a set."""
    return (
        f"{info.title} ({info.prefix}), {num_drawings:,} drawings, rendered to PNG: {info.licence}, "
        f"by {info.author} ({info.author_url})"
    )


def read_sets(package: Path, prefixes: Container[str] | None = None) -> Iterator[IconSet]:
    """The sets of the package, one at a time; with `prefixes` only those.

    Args:
        package: The package as npm packs it (`.tgz`).
        prefixes: Short names of sets.
    """
    with tarfile.open(package, "r|gz") as tar:
        for member in tar:
            match = _SET_FILE.fullmatch(member.name)
            stream = tar.extractfile(member) if match else None
            if match and stream and (prefixes is None or match["prefix"] in prefixes):
                data = json.load(stream)
                if data["icons"]:  # one set has lost all of them, and its date
                    yield _icon_set(data)


def _icon_set(data: Mapping[str, Any]) -> IconSet:
    left_out: Counter[str] = Counter()
    drawings = {}
    for name, icon in data["icons"].items():
        reason = _why_left_out(icon)
        if reason is None:
            drawings[name] = _svg(icon, data)
        else:
            left_out[reason] += 1
    return IconSet(
        info=_info(data),
        drawings=drawings,
        aliases=_aliases(data.get("aliases", {}), drawings, left_out),
        categories=_by_name(data.get("categories", {}).items()),
        characters=_by_name((codes, [name]) for codes, name in data.get("chars", {}).items()),
        left_out=left_out,
    )


def _why_left_out(icon: Mapping[str, Any]) -> str | None:
    if icon.get("hidden"):
        return "withdrawn"
    if any(mark in icon["body"] for mark in _ANIMATIONS):
        return "animated"
    return None


def _svg(icon: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    left, top = (icon.get(field, data.get(field, 0)) for field in ("left", "top"))
    width, height = (icon.get(field, data.get(field, _DEFAULT_SIDE)) for field in ("width", "height"))
    side = max(width, height)  # a square, with a wide or tall drawing in its middle
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" color="black" '
        f'width="{side}" height="{side}" viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>'
    )


def _info(data: Mapping[str, Any]) -> SetInfo:
    info = data["info"]
    licence = info["license"]
    return SetInfo(
        prefix=data["prefix"],
        title=info["name"],
        author=info["author"]["name"],
        author_url=info["author"].get("url", ""),
        licence=licence.get("spdx", licence["title"]),
        kind=info.get("category", ""),
        changed_at=datetime.fromtimestamp(data["lastModified"], UTC),
        prefixes=tuple(filter(None, data.get("prefixes", ()))),
        suffixes=tuple(filter(None, data.get("suffixes", ()))),
    )


def _aliases(
    aliases: Mapping[str, Mapping[str, Any]], drawings: Container[str], left_out: Counter[str]
) -> dict[str, tuple[str, ...]]:  # fmt: skip
    found: dict[str, list[str]] = defaultdict(list)
    for alias in aliases:
        name, is_turned = alias, False
        while name in aliases:
            is_turned |= len(aliases[name]) > 1  # turned or mirrored: another drawing
            name = aliases[name]["parent"]
        if is_turned:
            left_out["turned aliases"] += 1
        elif name not in drawings:
            left_out["lost aliases"] += 1
        else:
            found[name].append(alias)
    return {name: tuple(others) for name, others in found.items()}


def _by_name(lists: Iterable[tuple[str, Iterable[str]]]) -> dict[str, tuple[str, ...]]:
    """Of each name what it is listed under."""
    found: dict[str, list[str]] = defaultdict(list)
    for title, names in lists:
        for name in names:
            found[name].append(title)
    return {name: tuple(own) for name, own in found.items()}
