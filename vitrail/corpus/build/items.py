"""From items (an image with its metadata) to the signals, splits and tasks of a corpus."""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256

import pyarrow as pa

from vitrail.contracts.corpus import SIGNALS_SCHEMA, SPLITS, SPLITS_SCHEMA, TASK_SCHEMA, TaskInfo
from vitrail.corpus.build.groups import connect_groups
from vitrail.corpus.build.metadata.columns import Item
from vitrail.corpus.build.metadata.task_columns import match_task
from vitrail.corpus.build.metadata.task_declarations import LabelledImage, TaskDeclarations
from vitrail.corpus.build.writer import TaskTable
from vitrail.corpus.splits import split_of
from vitrail.corpus.store.tables import table_of

__all__ = ["signals_of", "splits_of", "tasks_of"]

_LOGGER = logging.getLogger(__name__)
_HELD_OUT_SHARE = 0.1  # of each stratum, for val and for test
_MIN_CLASS_IMAGES = 2
_NUM_SHOWN = 3
_MANY_GROUPS = 200  # of one label: from here on a hash divides well enough, and new images move no old ones


def signals_of(items: Mapping[str, Item]) -> pa.Table:
    """One row per text; the texts of an item are one post."""
    rows = [
        {
            "post_id": image_id,
            "image_id": image_id,
            "source": source,
            "text": text,
            "weight": item.weight,
            "language": item.language,
            "observed_at": item.observed_at,
        }
        for image_id, item in items.items()
        for source, text in item.texts
    ]
    return table_of(rows, SIGNALS_SCHEMA)


def splits_of(items: Mapping[str, Item], looks: Mapping[str, str]) -> pa.Table:
    """Groups, and a split for each: the user's where given, else 80/10/10 within the groups of one label.

    Images with the same `group` or the same look are one group. Where the user's splits would tear a group
    apart, the whole group goes to the most held-out of them, so that nothing leaks into training.
    """
    ids = list(items)
    components = connect_groups(
        [("look", looks.get(name, f"unseen {name}"))]
        + ([("group", items[name].group)] if items[name].group is not None else [])
        for name in ids
    )
    members: dict[int, list[str]] = defaultdict(list)
    for name, component in zip(ids, components, strict=True):
        members[component].append(name)
    groups = {_group_name(names, items): names for names in members.values()}
    splits = _choose_splits(groups, items)
    rows = {
        name: {"image_id": name, "group": group, "split": splits[group], "domain": items[name].domain}
        for group, names in groups.items()
        for name in names
    }
    return table_of([rows[name] for name in ids], SPLITS_SCHEMA)


def _group_name(names: Sequence[str], items: Mapping[str, Item]) -> str:
    given = sorted({group for name in names if (group := items[name].group) is not None})
    return f"group:{given[0]}" if given else f"image:{min(names)}"


def _choose_splits(groups: Mapping[str, Sequence[str]], items: Mapping[str, Item]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    num_torn = 0
    for group, names in groups.items():
        given = {split for name in names if (split := items[name].split) is not None}
        if given:
            chosen[group] = max(given, key=SPLITS.index)
            num_torn += len(given) > 1
        else:
            strata[_stratum(names, items)].append(group)
    if num_torn:
        _LOGGER.warning("%d groups of equal images were in several splits; each is now in one", num_torn)
    place = 0
    dominant = _dominant(groups)
    for stratum in sorted(strata):
        by_hash = len(strata[stratum]) >= _MANY_GROUPS
        for group in sorted(strata[stratum], key=lambda name: sha256(name.encode()).digest()):
            if group in dominant:
                chosen[group] = "train"
            elif by_hash:
                chosen[group] = split_of(group)
            else:
                chosen[group] = _split_at(place)
                place += 1
    return chosen


def _dominant(groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Groups so large that val or test would measure little else; none when there are few groups."""
    num_images = sum(len(names) for names in groups.values())
    large = {group for group, names in groups.items() if len(names) > num_images * _HELD_OUT_SHARE}
    return large if len(groups) - len(large) >= 1 / _HELD_OUT_SHARE else set()


def _stratum(names: Sequence[str], items: Mapping[str, Item]) -> tuple[str, ...]:
    labels = (sorted(_first_labels(items[name]).items())[:1] for name in names)
    return Counter(tuple(label[1] for label in pair) for pair in labels).most_common(1)[0][0]


def _first_labels(item: Item) -> dict[str, str]:
    return item.labels | {task: labels[0] for task, labels in item.declared.items() if labels}


def _split_at(place: int) -> str:
    """Every tenth group is held out for val and every tenth for test, evenly over the strata."""
    period = round(1 / _HELD_OUT_SHARE)
    return {period // 2: "val", period - 1: "test"}.get(place % period, "train")


def tasks_of(items: Mapping[str, Item], declared: TaskDeclarations) -> list[TaskTable]:
    """A classification and a retrieval task (`<name>_match`) per label column, rare labels left out; then the declared.

    Raises:
        CorpusError: A declared task has too few labels.
    """
    names = sorted({task for item in items.values() for task in item.labels})
    images: dict[str, list[LabelledImage]] = defaultdict(list)
    for image_id, item in items.items():
        for task, labels in item.declared.items():
            images[task].append((image_id, labels, item.observed_at))
    found = [task for name in names for task in _tasks_of_column(name, items)]
    return found + [TaskTable(info=info, labels=labels) for info, labels in declared.tables(images)]


def _describe(classes: Sequence[str], rare: Sequence[str]) -> str:
    parts = ((classes, "on several images"), (rare, "on one image each"))
    return " and ".join(f"{_listed(labels)} {where}" for labels, where in parts if labels)


def _listed(labels: Sequence[str]) -> str:
    more = ", ..." if len(labels) > _NUM_SHOWN else ""
    noun = "label" if len(labels) == 1 else "labels"
    return f"{len(labels):,} {noun} ({', '.join(f'{label!r:.80}' for label in labels[:_NUM_SHOWN])}{more})"


def _tasks_of_column(name: str, items: Mapping[str, Item]) -> list[TaskTable]:
    labels = {image_id: item.labels[name] for image_id, item in items.items() if name in item.labels}
    counts = Counter(labels.values())
    classes = tuple(sorted(label for label, count in counts.items() if count >= _MIN_CLASS_IMAGES))
    rare = sorted(label for label, count in counts.items() if count < _MIN_CLASS_IMAGES)
    if len(classes) < 2:
        _LOGGER.warning("column %r gives no task, which takes two classes: it has %s", name, _describe(classes, rare))
        return []
    if rare:
        _LOGGER.warning("column %r: labels of one image only are left out: it has %s", name, _describe(classes, rare))
    rows = [
        {"image_id": image_id, "label": label, "observed_at": items[image_id].observed_at}
        for image_id, label in labels.items()
        if counts[label] >= _MIN_CLASS_IMAGES
    ]
    table = table_of(rows, TASK_SCHEMA)
    return [
        TaskTable(
            info=TaskInfo(name=name, kind="classification", description=f"The column {name!r}", classes=classes),
            labels=table,
        ),
        TaskTable(
            info=TaskInfo(name=match_task(name), kind="retrieval", description=f"Images with the same {name!r}"),
            labels=table,
        ),
    ]
