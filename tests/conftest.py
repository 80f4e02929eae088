"""Fixtures shared by all tests: a small real corpus and labels derived from it. Copy before damaging them."""

import os
import warnings
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("vitrail", deadline=None)  # a busy machine is no counterexample
settings.load_profile("vitrail")

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")


_LONGEST_FIRST = ("smoke", "ray", "distributed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the longest tests first, so that two processes end together."""
    ranks: dict[Path, int] = {}
    for item in items:
        own = [rank for rank, name in enumerate(_LONGEST_FIRST) if item.get_closest_marker(name)]
        ranks[item.path] = min(*own, ranks.get(item.path, len(_LONGEST_FIRST)), len(_LONGEST_FIRST))
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def mini_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emoji-mini corpus: about 60 concepts, 350 pictures in two styles, four shards. Read only."""
    from vitrail.corpus import build_corpus

    folder = tmp_path_factory.mktemp("corpora") / "emoji-mini"
    build_corpus("emoji-mini", folder)
    return folder


@pytest.fixture(scope="session")
def mini_labels(mini_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The label set of emoji-mini with the default configuration. Read only."""
    from vitrail.labels import LabelsConfig, derive_labels

    folder = tmp_path_factory.mktemp("labels") / "emoji-mini"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="daft")
        derive_labels(mini_corpus, folder, LabelsConfig())
    return folder
