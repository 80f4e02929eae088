"""The served index on a real corpus: bound to its model, memory-mapped, close to exact search."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from vitrail.contracts.codec import load
from vitrail.contracts.index import ITEMS_ROW_GROUP, IndexManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import open_corpus
from vitrail.errors import ConfigError, EvaluationError
from vitrail.evaluation import IndexConfig, build_index, nearest_binary, open_index
from vitrail.models import Predictor, VitrailModel, save_model

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
)
CONFIG = IndexConfig(thumbnail_size=32, batch_size=64)


def write_model(folder, heads, seed=0):
    torch.manual_seed(seed)
    return save_model(folder, VitrailModel(TRUNK, Transforms(image_size=32), heads), Lineage(run_id="test"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "model"
    write_model(folder, (HeadSpec(name="embedding", kind="retrieval", dim=64),))
    return folder


@pytest.fixture(scope="module")
def index_folder(mini_corpus, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    build_index(corpus=mini_corpus, model=model, out=folder, config=CONFIG)
    return folder


@pytest.fixture(scope="module")
def index(index_folder, model):
    return open_index(index_folder, Predictor(model).manifest.model_id)


@pytest.fixture(scope="module")
def codes(mini_corpus, model):
    corpus = open_corpus(mini_corpus)
    return Predictor(model).predict_bytes(corpus.read_bytes(corpus.index()["image_id"].to_pylist())).codes


def test_every_image_is_in_the_gallery(index, mini_corpus):
    corpus = open_corpus(mini_corpus)
    assert len(index) == corpus.manifest.num_images
    image_ids = corpus.index()["image_id"].to_pylist()
    assert [index.item(key).image_id for key in range(len(index))] == image_ids
    domains = corpus.splits()["domain"].to_pylist()
    assert index.item(5).domain == domains[5]


def test_an_image_finds_itself(index, codes):
    keys, distances = index.search(codes[:20], 5)
    assert keys.shape == (20, 5)
    assert (distances[:, 0] == 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()


def test_the_graph_agrees_with_exact_search(index, codes):
    _, exact = nearest_binary(codes, codes, 10)
    _, found = index.search_graph(codes, 10)
    assert (found == exact).mean() > 0.98


def test_small_galleries_are_searched_exactly_and_large_ones_when_asked(index, codes, monkeypatch):
    exact = nearest_binary(codes, codes, 10)
    for found in (index.search(codes, 10), _large(index, monkeypatch).search(codes, 10, is_exact=True)):
        assert all(map(np.array_equal, found, exact))


def test_large_galleries_are_searched_by_their_graph(index, codes, monkeypatch):
    found, expected = _large(index, monkeypatch).search(codes, 5), index.search_graph(codes, 5)
    assert all(map(np.array_equal, found, expected))


def _large(index, monkeypatch):
    monkeypatch.setattr("vitrail.evaluation.neighbour_index.EXACT_ITEMS", len(index) - 1)
    return index


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_a_search_among_some_items_finds_the_nearest_of_them(index, codes, count):
    among = np.sort(np.random.default_rng(0).permutation(len(index))[:count])
    keys, distances = index.search(codes[:9], 5, among=among)
    rows, expected = nearest_binary(codes[:9], codes[among], 5)
    assert keys.tolist() == among[rows].tolist()
    assert distances.tolist() == expected.tolist()
    assert keys.shape == (9, min(count, 5))


def test_items_are_found_by_what_is_known_of_them(index, mini_corpus):
    splits = open_corpus(mini_corpus).splits()
    assert [index.key_of(image_id) for image_id in splits["image_id"].to_pylist()] == list(range(len(index)))
    assert index.key_of("no such image") is None
    for column in ("group", "domain"):
        values = splits[column].to_pylist()
        assert index.values(column) == sorted(set(values))
        wanted = {values[0], values[-1], "no such value"}
        assert index.is_one_of(column, wanted).tolist() == [value in wanted for value in values]


def test_codes_and_vectors_are_those_of_the_images(index, mini_corpus, model):
    corpus = open_corpus(mini_corpus)
    predictions = Predictor(model).predict_bytes(corpus.read_bytes(corpus.index()["image_id"].to_pylist()[:8]))
    for key in range(8):
        assert np.array_equal(index.code(key), predictions.codes[key])
        np.testing.assert_allclose(index.vector(key), predictions.embeddings[key], atol=1e-3)


def test_one_query_has_the_shape_of_a_batch(index, codes):
    keys, distances = index.search(codes[:1], 3)
    assert keys.shape == distances.shape == (1, 3)
    assert distances.dtype == np.int64


def test_no_query_has_no_neighbours(index, codes):
    assert index.search(codes[:0], 3)[0].shape == (0, 3)


def test_asking_for_more_than_there_is_gives_all(index, codes):
    keys, _ = index.search(codes[:2], len(index) + 50)
    assert keys.shape == (2, len(index))
    assert all(len(set(row) - {-1}) > 0.9 * len(index) for row in keys.tolist())


def test_thumbnails_are_small_pictures(index):
    picture = Image.open(io.BytesIO(index.thumbnail(3)))
    assert picture.format == "WEBP"
    assert picture.size == (32, 32)


def test_no_thumbnails_when_the_recipe_wants_none(mini_corpus, model, tmp_path):
    config = IndexConfig(thumbnail_size=0, batch_size=128)
    manifest = build_index(corpus=mini_corpus, model=model, out=tmp_path / "index", config=config)
    assert open_index(tmp_path / "index", manifest.model_id).thumbnail(0) is None


def test_building_twice_gives_the_same_index(mini_corpus, model, index_folder, tmp_path):
    again = build_index(corpus=mini_corpus, model=model, out=tmp_path / "index", config=CONFIG)
    assert again == load(IndexManifest, index_folder / "index.json")


def test_searches_from_many_threads_agree(index, codes):
    expected = index.search(codes, 5)[0]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: index.search(codes, 5)[0], range(40)))
    assert all(np.array_equal(keys, expected) for keys in found)


def test_another_model_is_refused(index_folder):
    with pytest.raises(EvaluationError, match="made by model"):
        open_index(index_folder, "f" * 64)


@pytest.mark.parametrize("name", ["index.usearch", "codes.npy", "vectors.npy", "items.parquet"])
def test_a_damaged_file_is_refused(index_folder, tmp_path, name):
    for path in index_folder.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[: len(data) // 2] if path.name == name else data)
    with pytest.raises(EvaluationError, match=f"{name} is missing or damaged"):
        open_index(tmp_path, load(IndexManifest, index_folder / "index.json").model_id)


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(EvaluationError, match="is not an index"):
        open_index(tmp_path, "a")


def test_codes_of_another_width_are_refused(index, codes):
    with pytest.raises(EvaluationError, match=r"uint8 \[B, 8\]"):
        index.search(codes[:, :4], 3)
    with pytest.raises(EvaluationError, match="k=0"):
        index.search(codes, 0)
    with pytest.raises(EvaluationError, match="key 9999"):
        index.item(9999)
    with pytest.raises(EvaluationError, match="key -1"):
        index.vector(-1)


def test_a_model_without_embedding_is_refused(mini_corpus, tmp_path):
    write_model(tmp_path / "model", (HeadSpec(name="a", kind="classification", dim=2, classes=("x", "y")),))
    with pytest.raises(EvaluationError, match="retrieval head"):
        build_index(corpus=mini_corpus, model=tmp_path / "model", out=tmp_path / "index", config=CONFIG)
    assert not (tmp_path / "index").exists()


def test_row_groups_are_where_thumbnails_are_looked_up(index_folder):
    file = pq.ParquetFile(index_folder / "items.parquet")
    assert file.metadata.row_group(0).num_rows == min(ITEMS_ROW_GROUP, file.metadata.num_rows)


@pytest.mark.parametrize(
    "field",
    ["connectivity", "expansion_add", "batch_size", "num_workers", "thumbnail_size", "thumbnail_quality"],
)
def test_unusable_settings_are_refused(field):
    with pytest.raises(ConfigError, match=field):
        IndexConfig(**{field: -1})
