"""What distinguishes two recipes, a line a setting."""

import json
from collections.abc import Iterator
from typing import Any

from vitrail.contracts.codec import encode
from vitrail.recipes.recipe import Recipe

__all__ = ["describe_difference"]

_ABSENT = object()


def describe_difference(recipe: Recipe, base: Recipe) -> list[str]:
    """Lines `section.setting: value in base -> value in recipe`; thresholds are compared by their metric."""
    ours, theirs = dict(_settings("", encode(recipe))), dict(_settings("", encode(base)))
    names = [*theirs, *(name for name in ours if name not in theirs)]
    pairs = ((name, theirs.get(name, _ABSENT), ours.get(name, _ABSENT)) for name in names)
    return [f"{name}: {_show(before)} -> {_show(after)}" for name, before, after in pairs if before != after]


def _settings(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, child in value.items():
            yield from _settings(f"{path}.{name}" if path else name, child)
    elif isinstance(value, list) and value and all(isinstance(item, dict) and "metric" in item for item in value):
        for item in value:
            rest = {name: setting for name, setting in item.items() if name != "metric"}
            direction = f" {rest.pop('direction')}" if "direction" in rest else ""
            for name, setting in rest.items():
                yield f"{path}[{item['metric']}{direction}].{name}", setting
    else:
        yield path, value


def _show(value: Any) -> str:
    return "absent" if value is _ABSENT else json.dumps(value, ensure_ascii=False)
