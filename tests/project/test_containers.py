"""Each image installs the extras that its stages import, and that recipes ask of them."""

import ast
import importlib.metadata
import re
import tomllib

import pytest

from builders import REPOSITORY
from vitrail.recipes import RECIPES

# The packages that the stages of an image run.
STAGES = {
    "data": ("vitrail/corpus", "vitrail/labels", "vitrail/validation", "components/materialize_features"),
    "train": ("vitrail/training", "vitrail/evaluation", "vitrail/gates", "vitrail/registry", "vitrail/reporting"),
    "serve": ("vitrail/packaging", "vitrail/registry", "components/package_endpoint", "serving"),
}


def extras():
    """The distributions of each extra."""
    listed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    names = {extra: {re.split(r"[^\w.-]", entry)[0] for entry in entries} for extra, entries in listed.items()}
    return {extra: found for extra, found in names.items() if extra not in ("all", "dev")}


def installed(family):
    text = (REPOSITORY / "containers" / family / "Dockerfile").read_text()
    return set(re.search(r"'\.\[([\w,]+)\]'", text)[1].split(","))


def imported(folder):
    """The first name of every module that is imported below `folder`, wherever in a file."""
    copied = REPOSITORY / "serving" / "lib"  # the library, beside the service while it is served from a clone
    for path in folder.rglob("*.py"):
        if path.is_relative_to(copied):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


@pytest.mark.parametrize("family", STAGES)
def test_an_image_installs_what_its_stages_import(family):
    distributions = importlib.metadata.packages_distributions()
    modules = {name for folder in STAGES[family] for name in imported(REPOSITORY / folder)}
    wanted = {distribution for name in modules for distribution in distributions.get(name, ())}
    known = extras()
    listed = wanted & set().union(*known.values())
    assert len(listed) >= 3
    assert listed <= set().union(*(known[extra] for extra in installed(family)))


def test_data_revisions_are_read_with_git():
    text = (REPOSITORY / "containers" / "data" / "Dockerfile").read_text()
    assert re.search(r"apt-get install .*\bgit\b", text.split("FROM ${BASE_IMAGE}\n")[1])


@pytest.mark.parametrize("recipe", RECIPES)
def test_images_install_what_a_recipe_asks_for(recipe):
    chosen = RECIPES[recipe]()
    if chosen.labels.engine == "ray":
        assert "ray" in installed("data")
    if chosen.cluster.trainjob:
        assert "cluster" in installed("train")
    assert all("pipeline" in installed(family) for family in STAGES)
