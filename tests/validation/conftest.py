"""Copies of the shared corpus and label set, to be damaged."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def corpus(mini_corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mini_corpus, tmp_path / "corpus"))


@pytest.fixture
def labels(mini_labels: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mini_labels, tmp_path / "labels"))
