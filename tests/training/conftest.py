"""Label sets that need no derivation."""

from pathlib import Path

import pytest

from builders.word_labels import rename_first_label, write_word_labels


@pytest.fixture(scope="session")
def word_labels(mini_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every English word of at least three letters on at least six images is a label. Read only."""
    return write_word_labels(tmp_path_factory.mktemp("words") / "labels", mini_corpus)


@pytest.fixture(scope="session")
def other_labels(word_labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same labels but for the first, which has another id and is called otherwise. Read only."""
    return rename_first_label(word_labels, tmp_path_factory.mktemp("other") / "labels")
