"""A label set that needs no encoder."""

import pytest

from builders.signal_corpora import CONFIG
from vitrail.labels import derive_labels


@pytest.fixture(scope="session")
def plain_labels(mini_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "labels"
    derive_labels(mini_corpus, folder, CONFIG)
    return folder
