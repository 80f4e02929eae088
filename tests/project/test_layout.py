"""Tests lie where a stranger looks for them: folder by folder as the packages that they test."""

import pytest

from builders import REPOSITORY

TESTS = REPOSITORY / "tests"
MODULES = sorted(path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
OF_THE_REPOSITORY = "project"


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES} - {TESTS.relative_to(TESTS)}), ids=str)
def test_a_folder_of_tests_mirrors_a_package(folder):
    is_package = any((root / folder / "__init__.py").exists() for root in (REPOSITORY / "vitrail", REPOSITORY))
    assert is_package or str(folder) == OF_THE_REPOSITORY


def test_names_of_test_modules_are_unique():
    names = [path.name for path in MODULES]
    assert sorted(set(names)) == sorted(names)


def test_builders_are_in_one_place():
    strays = [path for path in TESTS.rglob("*.py") if not path.name.startswith("test_") and path.name != "conftest.py"]
    assert {path.parent for path in strays} == {TESTS / "builders"}
