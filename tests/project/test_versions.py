"""The Pythons and the torch that are promised are those that are tested."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from builders import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (REPOSITORY / "constraints.txt").read_text().split())
MINORS = [f"3.{minor}" for minor in range(8, 20)]


def test_every_supported_python_is_in_the_matrix_and_in_ci():
    supported = [version for version in MINORS if f"{version}.5" in SpecifierSet(PROJECT["requires-python"])]
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.search(r"^PYTHONS := (.+)$", makefile, flags=re.MULTILINE)[1].split() == supported
    jobs = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    pinned = jobs["test"]["steps"][1]["with"]["python-version"]
    assert sorted([pinned, *jobs["versions"]["strategy"]["matrix"]["python"]]) == supported


def test_ranges_admit_the_tested_pins_and_the_oldest_torch():
    wanted = [Requirement(line) for line in PROJECT["dependencies"]]
    wanted += [Requirement(line) for lines in PROJECT["optional-dependencies"].values() for line in lines]
    pins = {name.lower().replace("_", "-"): version for name, version in PINS.items()}
    for one in wanted:
        name = one.name.lower().replace("_", "-")
        assert name == "vitrail" or pins[name] in one.specifier, one
    torch = [one for one in wanted if one.name == "torch"]
    assert len(torch) == 2
    assert all("2.11.0" in one.specifier and "2.10.0" not in one.specifier for one in torch)
