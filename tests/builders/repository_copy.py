"""A copy of the repository's packages that a test may edit, read in place of the packages themselves."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrail import source_code

__all__ = ["copy_packages", "edited", "forget_source", "source_in"]

_REPOSITORY = Path(__file__).parents[2]
_PACKAGES = ("vitrail", "components", "pipelines", "features", "serving")


def copy_packages(folder: Path) -> None:
    """Copies what is imported, and no data."""
    ignored = shutil.ignore_patterns("__pycache__", "lib", "data")
    for package in _PACKAGES:
        shutil.copytree(_REPOSITORY / package, folder / package, ignore=ignored)


@contextlib.contextmanager
def source_in(folder: Path) -> Iterator[None]:
    """Keys of artifacts hang on the copy in this block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_code, "_root", lambda package: folder / package if package in _PACKAGES else None)
        forget_source()
        yield
    forget_source()


def forget_source() -> None:
    """Makes a file that was added known."""
    for remembered in (source_code._locate, source_code._lazy_names, source_code._parse):
        remembered.cache_clear()


@contextlib.contextmanager
def edited(file: Path, *replaced: str) -> Iterator[None]:
    """The file with a line of code at its end, or with one text replaced by another, in this block."""
    text = file.read_text(encoding="utf-8")
    assert not replaced or replaced[0] in text
    file.write_text(text.replace(*replaced, 1) if replaced else f"{text}\nEDITED = True\n", encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(text, encoding="utf-8")
