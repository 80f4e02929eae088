"""The icons corpora: one concept as drawn by many icon sets, with the names that the sets give to it.

Built from npm's package `@iconify/json`, which npm fetches: some 180 sets with permissive licences. Drawings are
72 pixels wide, black where a set leaves the colour open. The smaller corpora are part of the larger ones.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.corpus import (
    SIGNALS_SCHEMA,
    SPLITS_SCHEMA,
    TASK_SCHEMA,
    UNUSED_SCHEMA,
    CorpusManifest,
    TaskInfo,
)
from vitrail.corpus.build.drawing import DrawingQueue
from vitrail.corpus.build.icons.choice import choose_icons, widely_drawn
from vitrail.corpus.build.icons.concepts import Catalogue, Icon, find_icons
from vitrail.corpus.build.icons.package import MADE_FROM, fetch_icons
from vitrail.corpus.build.icons.permissions import why_refused
from vitrail.corpus.build.icons.sets import LEFT_OUT, IconSet, SetInfo, describe_licence, read_sets
from vitrail.corpus.build.icons.themes import THEMES
from vitrail.corpus.build.source import NamedCorpus
from vitrail.corpus.build.writer import Card, TaskTable, write_corpus
from vitrail.corpus.splits import split_of
from vitrail.corpus.store.tables import table_of

__all__ = ["SOURCES", "build_from_package", "build_icons"]

_SIZES = {"icons-20k": 20_000, "icons-60k": 60_000, "icons": None}
_SIDE_PIXELS = 72
_SHARD_IMAGES = 1000
_TRAIN_PERCENT, _VAL_PERCENT = 70, 10  # 20% are for test: small differences are to be told
_LABELLED_AT = datetime(2026, 10, 1, tzinfo=UTC)  # no set of the package changed later


def build_icons(folder: Path, cache: Path, *, name: str) -> CorpusManifest:
    """Builds the corpus of that name into an empty folder.

    Args:
        folder: The corpus.
        cache: Where the package is kept; npm fetches it when it is not there (104 MB).
        name: `icons-20k`, `icons-60k` or `icons`.

    Raises:
        CorpusError: The package cannot be fetched, or is not the one that is pinned.
    """
    return build_from_package(folder, fetch_icons(cache), name=name, max_images=_SIZES[name])


def build_from_package(
    folder: Path, package: Path, *, name: str, max_images: int | None, processes: int | None = None
) -> CorpusManifest:
    """Builds a corpus from the package's file.

    Args:
        folder: The corpus.
        package: As npm packs it.
        name: Of the corpus.
        max_images: How many icons are chosen; without it all.
        processes: That draw; by default one a core.
    """
    catalogue, unused = _read_catalogue(package)
    icons = find_icons(catalogue)
    chosen = icons if max_images is None else choose_icons(icons, max_images)
    unused.update(_count_unchosen(icons, chosen))
    image_ids = frozenset(icon.image_id for icon in chosen)
    queue = DrawingQueue(folder, image_ids, side=_SIDE_PIXELS, shard_images=_SHARD_IMAGES)
    signals = []
    for icon_set in read_sets(package, {icon.prefix for icon in chosen}):
        queue.add((image_id, icon_set.drawings[name]) for image_id, name in _chosen_names(icon_set, image_ids))
        signals.append(_signals(icon_set, image_ids))
    return write_corpus(
        folder,
        _card(name, max_images, catalogue.infos, chosen),
        queue.draw(processes),
        signals=pa.concat_tables(signals),
        splits=_splits(chosen),
        tasks=[_concept_task(chosen), _category_task(chosen)],
        unused=table_of([{"name": what, "reason": reason} for what, reason in sorted(unused.items())], UNUSED_SCHEMA),
    )


SOURCES = tuple(NamedCorpus(name=name, build=partial(build_icons, name=name)) for name in _SIZES)


def _read_catalogue(package: Path) -> tuple[Catalogue, dict[str, str]]:
    """What is used, and what is not with the reason."""
    catalogue = Catalogue()
    unused = {}
    for icon_set in read_sets(package):
        info = icon_set.info
        reason = why_refused(info)
        if reason is None:
            catalogue.add(icon_set)
            for what, num in icon_set.left_out.items():
                unused[f"{info.prefix}: {num:,} {what}"] = LEFT_OUT[what]
        else:
            unused[f"{info.prefix}: {len(icon_set.drawings):,} drawings"] = reason
    return catalogue, unused


def _count_unchosen(icons: Sequence[Icon], chosen: Sequence[Icon]) -> dict[str, str]:
    rest = Counter(icon.prefix for icon in icons)
    rest.subtract(icon.prefix for icon in chosen)
    return {
        f"{prefix}: {num:,} further drawings": "beyond the size of this corpus" for prefix, num in rest.items() if num
    }


def _signals(icon_set: IconSet, image_ids: Container[str]) -> pa.Table:
    rows = [
        {
            "post_id": image_id,
            "image_id": image_id,
            "source": source,
            "text": text,
            "weight": 1.0,
            "language": "en",
            "observed_at": icon_set.info.changed_at,
        }
        for image_id, name in _chosen_names(icon_set, image_ids)
        for source, text in _texts(icon_set, name)
    ]
    return table_of(rows, SIGNALS_SCHEMA)


def _chosen_names(icon_set: IconSet, image_ids: Container[str]) -> Iterator[tuple[str, str]]:
    for name in icon_set.drawings:
        image_id = f"{icon_set.info.prefix}/{name}"
        if image_id in image_ids:
            yield image_id, name


def _texts(icon_set: IconSet, name: str) -> Iterator[tuple[str, str]]:
    yield "title", name.replace("-", " ")
    for alias in icon_set.aliases.get(name, ()):
        yield "alias", alias.replace("-", " ")
    for category in icon_set.categories.get(name, ()):
        if category:
            yield "board", category
    yield "collection", icon_set.info.title


def _splits(icons: Sequence[Icon]) -> pa.Table:
    splits = {
        group: split_of(group, train_percent=_TRAIN_PERCENT, val_percent=_VAL_PERCENT)
        for group in {icon.group for icon in icons}
    }
    columns = [
        [icon.image_id for icon in icons],
        [icon.group for icon in icons],
        [splits[icon.group] for icon in icons],
        [icon.family for icon in icons],
    ]
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=SPLITS_SCHEMA)


def _concept_task(icons: Sequence[Icon]) -> TaskTable:
    shown = widely_drawn(icons)
    return _task(
        TaskInfo(name="concept", kind="retrieval", description="The same concept as other families of sets draw it"),
        {icon.image_id: icon.concept for icon in icons if icon.concept in shown},
    )


def _category_task(icons: Sequence[Icon]) -> TaskTable:
    return _task(
        TaskInfo(
            name="category",
            kind="classification",
            description="The theme of the categories that most sets put the concept into; not all have one",
            classes=THEMES,
        ),
        {icon.image_id: icon.theme for icon in icons if icon.theme is not None},
    )


def _task(info: TaskInfo, labels: Mapping[str, str]) -> TaskTable:
    columns = [pa.array(list(labels), pa.string()), pa.array(labels.values(), pa.string())]
    times = pa.array([_LABELLED_AT] * len(labels), TASK_SCHEMA.field("observed_at").type)
    return TaskTable(info=info, labels=pa.Table.from_arrays([*columns, times], schema=TASK_SCHEMA))


def _card(name: str, max_images: int | None, infos: Mapping[str, SetInfo], icons: Sequence[Icon]) -> Card:
    counts = Counter(icon.prefix for icon in icons)
    chosen = (
        f"Whole concepts that several families of sets draw, one drawing a set, up to {max_images:,}."
        if max_images is not None
        else "Every drawing of every set."
    )
    return Card(
        name=name,
        title=f"{len(icons):,} icons of {len(counts)} sets",
        description=(
            f"Icons, {_SIDE_PIXELS} pixels, with their names, other names, categories and set. Variants of a name "
            f"share a split over all sets. {chosen} Built from {MADE_FROM}; sets of emoji, flags and "
            "logos, and sets whose licence is not permissive, are left out."
        ),
        licences=tuple(describe_licence(infos[prefix], num) for prefix, num in sorted(counts.items())),
    )
