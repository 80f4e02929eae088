"""One small random model, its bundle and one running Bento for all tests of the endpoint."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from builders.served_model import CONFIG, LINEAGE, save_random_model, write_label_set, write_text_features
from components.materialize_features.store import materialize
from serving.build import build_bento
from vitrail.contracts.serving import BuiltBento
from vitrail.corpus import open_corpus
from vitrail.evaluation import IndexConfig, build_index
from vitrail.packaging import prepare_bundle, running_endpoint


@pytest.fixture(scope="session")
def text_snapshot(mini_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("snapshot")
    image_ids = open_corpus(mini_corpus).splits()["image_id"].to_pylist()
    write_text_features(folder / "text", image_ids[:-1])  # the last has no text
    materialize(folder / "text", mini_corpus, folder / "features")
    return folder / "features"


@pytest.fixture(scope="session")
def served_model(mini_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `model/` and `index/`."""
    folder = tmp_path_factory.mktemp("served")
    save_random_model(folder / "model", mini_corpus, seed=0)
    build_index(corpus=mini_corpus, model=folder / "model", out=folder / "index", config=IndexConfig())
    return folder


@pytest.fixture(scope="session")
def bundle(
    mini_corpus: Path, served_model: Path, text_snapshot: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return prepare_bundle(
        corpus=mini_corpus,
        model=served_model / "model",
        index=served_model / "index",
        features=text_snapshot,
        labels=write_label_set(tmp_path_factory.mktemp("label-set") / "labels"),
        out=tmp_path_factory.mktemp("bundles") / "bundle",
        config=CONFIG,
        lineage=LINEAGE,
    )


@pytest.fixture(scope="session")
def bento(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltBento:
    return build_bento(bundle, tmp_path_factory.mktemp("bentoml"))


@pytest.fixture(scope="session")
def endpoint(bento: BuiltBento, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("endpoint") / "server.log"
    with running_endpoint(bento.path, log=log, timeout_s=400) as url:
        yield url


@pytest.fixture(scope="session")
def client(endpoint: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=endpoint, timeout=60, trust_env=False) as client:
        yield client
