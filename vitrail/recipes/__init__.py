"""Recipes: named configurations of a whole run. A recipe is a function; a resolved one is JSON."""

import json
from collections.abc import Callable
from pathlib import Path

from vitrail.contracts.codec import decode
from vitrail.errors import ConfigError
from vitrail.recipes.backbones import resnext101_1b, vit_b32_1b, vit_l16_1b
from vitrail.recipes.cluster import ClusterConfig
from vitrail.recipes.debug import debug
from vitrail.recipes.difference import describe_difference
from vitrail.recipes.emoji import emoji
from vitrail.recipes.folder import folder
from vitrail.recipes.icons import icons
from vitrail.recipes.openclipart import openclipart
from vitrail.recipes.recipe import Recipe
from vitrail.recipes.vit_b16_1b import vit_b16_1b

__all__ = [
    "RECIPES",
    "ClusterConfig",
    "Recipe",
    "describe_difference",
    "find_recipe",
    "recipe_for",
]

RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (emoji, openclipart, icons, folder, debug, vit_b16_1b, vit_b32_1b, vit_l16_1b, resnext101_1b)
}

_OF_CORPUS = {
    "emoji": "emoji",
    "emoji-mini": "debug",
    "emoji12": "emoji",
    "icons": "icons",
    "icons-20k": "icons",
    "icons-60k": "icons",
    "openclipart": "openclipart",
}


def recipe_for(corpus: str) -> str:
    """The name of the recipe that a corpus is run with when none is named: its own, or `folder` for what users have."""
    return _OF_CORPUS.get(corpus, "folder")


def find_recipe(name: str) -> Recipe:
    """A recipe by name, or from a JSON file that holds a resolved recipe (`vitrail recipes NAME` prints one).

    Raises:
        ConfigError: There is neither, or a field of the file is not usable.
    """
    if name in RECIPES:
        return RECIPES[name]()
    path = Path(name)
    if path.suffix != ".json" or not path.is_file():
        raise ConfigError(f"recipe={name!r}: give one of {', '.join(RECIPES)}, or a JSON file with a resolved recipe")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"recipe={name!r} is not JSON: {error}") from error
    return decode(Recipe, data, name)
