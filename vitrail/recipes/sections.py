"""The sections of a recipe that a step takes; it is given no other, so its artifact cannot depend on one."""

import typing
from dataclasses import fields
from typing import Any, Literal

from vitrail.contracts.codec import decode, encode
from vitrail.errors import ConfigError
from vitrail.recipes.recipe import Recipe

__all__ = ["Sections", "decode_sections", "encode_sections", "is_whole", "take_sections"]

Sections = tuple[str, ...] | Literal["all"]

_NAMES = frozenset(field.name for field in fields(Recipe))


class _TakenSections(Recipe):
    """A recipe of which some sections are not there."""

    def __getattribute__(self, name: str) -> Any:
        if name in _NAMES and name not in object.__getattribute__(self, "__dict__"):
            raise ConfigError(f"recipe.{name}: the step does not take this section; name it in the step's `sections`")
        return object.__getattribute__(self, name)

    def __repr__(self) -> str:
        return f"Recipe({', '.join(vars(self))})"


def is_whole(recipe: Recipe) -> bool:
    """Whether all sections are there."""
    return not isinstance(recipe, _TakenSections)


def take_sections(recipe: Recipe, sections: Sections) -> Recipe:
    """The recipe without its other sections; to read one of those is an error."""
    return recipe if sections == "all" else _taken({name: getattr(recipe, name) for name in sections})


def encode_sections(recipe: Recipe, sections: Sections) -> Any:
    """The JSON form of these sections, by their names; of the whole recipe the one that `encode` gives."""
    return encode(recipe) if sections == "all" else {name: encode(getattr(recipe, name)) for name in sections}


def decode_sections(data: Any, sections: Sections) -> Recipe:
    """What `encode_sections` wrote.

    Raises:
        ConfigError: A section is missing or not usable, or there is another one.
    """
    if sections == "all":
        return decode(Recipe, data, "recipe")
    if not isinstance(data, dict) or set(data) != set(sections):
        given = ", ".join(data) or "none" if isinstance(data, dict) else f"{data!r:.80}"
        wanted = ", ".join(sections) or "none"
        raise ConfigError(f"recipe: the step takes the sections {wanted}, got {given}; compile the graph again")
    kinds = typing.get_type_hints(Recipe)
    return _taken({name: decode(kinds[name], data[name], f"recipe.{name}") for name in sections})


def _taken(sections: dict[str, Any]) -> Recipe:
    taken = object.__new__(_TakenSections)
    object.__getattribute__(taken, "__dict__").update(sections)
    return taken
