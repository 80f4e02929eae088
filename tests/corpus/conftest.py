"""Pictures, tars and tiny corpora for the rooms of the corpus."""

from collections.abc import Callable
from pathlib import Path

import pytest

from builders.pictures import make_picture, write_tar
from builders.tiny_corpora import make_corpus
from vitrail.corpus.corpus import Corpus


@pytest.fixture
def picture() -> Callable[..., bytes]:
    return make_picture


@pytest.fixture
def tar() -> Callable[..., Path]:
    return write_tar


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """53 pictures in four shards, one of them with a single picture. Read only."""
    return make_corpus(tmp_path_factory.mktemp("tiny"), (20, 1, 19, 13))


@pytest.fixture(scope="session")
def other_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """17 pictures in two shards. Read only."""
    return make_corpus(tmp_path_factory.mktemp("other"), (9, 8), name="other")
