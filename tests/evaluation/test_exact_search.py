"""Exact search against brute force in plain Python."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.errors import EvaluationError
from vitrail.evaluation.directions import Direction
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.ranking import rank_gallery
from vitrail.evaluation.search import Parts, hamming, nearest_asymmetric, nearest_binary, nearest_float


def unit_vectors(generator, rows, width=16):
    vectors = generator.normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(1, 19), st.integers(1, 12), st.integers(0, 99))
def test_binary_search_is_brute_force(num_queries, num_items, num_bytes, k, seed):
    generator = np.random.default_rng(seed)
    queries, gallery = (
        generator.integers(0, 4, (rows, num_bytes), dtype=np.uint8) for rows in (num_queries, num_items)
    )
    rows, distances = nearest_binary(queries, gallery, k)
    assert rows.shape == (num_queries, min(k, num_items))
    for query, found, found_distances in zip(queries, rows, distances, strict=True):
        brute = [sum((int(a) ^ int(b)).bit_count() for a, b in zip(query, item, strict=True)) for item in gallery]
        expected = sorted(range(num_items), key=lambda row: (brute[row], row))[:k]
        assert found.tolist() == expected
        assert found_distances.tolist() == [brute[row] for row in expected]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_float_search_is_brute_force(num_queries, num_items, k, seed):
    generator = np.random.default_rng(seed)
    queries, gallery = unit_vectors(generator, num_queries), unit_vectors(generator, num_items)
    rows, similarities = nearest_float(queries, gallery, k)
    brute = queries.astype(np.float64) @ gallery.T.astype(np.float64)
    expected = np.argsort(-brute, axis=1, kind="stable")[:, :k]
    assert np.array_equal(rows, expected)
    assert similarities == pytest.approx(np.take_along_axis(brute, expected, axis=1), abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 21), st.integers(1, 12), st.integers(0, 99))
def test_search_of_codes_by_floats_is_brute_force(num_queries, num_items, width, k, seed):
    generator = np.random.default_rng(seed)
    queries, gallery = unit_vectors(generator, num_queries, width), unit_vectors(generator, num_items, width)
    rows, similarities = nearest_asymmetric(queries, np.packbits(gallery > 0, axis=1), k)
    assert rows.shape == (num_queries, min(k, num_items))
    for query, found, shown in zip(queries.tolist(), rows, similarities, strict=True):
        brute = [
            sum(ours if theirs > 0 else -ours for ours, theirs in zip(query, item, strict=True)) / width**0.5
            for item in gallery.tolist()
        ]
        assert shown == pytest.approx(sorted(brute, reverse=True)[: len(found)], abs=1e-6)
        assert [brute[row] for row in found] == pytest.approx(shown, abs=1e-6)
        assert len(set(found.tolist())) == len(found)


def test_float_queries_and_codes_of_other_widths_are_refused():
    queries = unit_vectors(np.random.default_rng(0), 3, 16)
    with pytest.raises(EvaluationError, match="queries are 16 wide and codes have 24 bits"):
        nearest_asymmetric(queries, np.zeros((2, 3), np.uint8), 1)


@pytest.mark.parametrize("search", ["float", "binary"])
def test_a_query_is_not_its_own_neighbour(search):
    vectors = unit_vectors(np.random.default_rng(0), 12)
    itself = np.arange(12)
    if search == "float":
        rows, _ = nearest_float(vectors, vectors, 20, apart=Parts(itself, itself))
    else:
        codes = np.packbits(vectors > 0, axis=1)
        rows, _ = nearest_binary(codes, codes, 20, apart=Parts(itself, itself))
    assert rows.shape == (12, 11)
    assert not (rows == itself[:, None]).any()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 4), st.integers(1, 40), st.integers(0, 99))
def test_what_is_of_the_own_part_is_no_neighbour(num_queries, num_items, num_parts, k, seed):
    generator = np.random.default_rng(seed)
    queries, gallery = unit_vectors(generator, num_queries), unit_vectors(generator, num_items)
    apart = Parts(generator.integers(0, num_parts, num_queries), generator.integers(0, num_parts, num_items))
    others = [np.flatnonzero(apart.gallery != part) for part in apart.queries]
    assert apart.count_own().tolist() == [num_items - len(found) for found in others]
    rows, _ = nearest_float(queries, gallery, k, apart=apart)
    assert rows.shape == (num_queries, min(k, min(len(found) for found in others)))
    codes = [np.packbits(vectors > 0, axis=1) for vectors in (queries, gallery)]
    binary, distances = nearest_binary(*codes, k, apart=apart)
    for query, found in enumerate(others):
        brute = queries[query].astype(np.float64) @ gallery[found].T.astype(np.float64)
        assert rows[query].tolist() == found[np.argsort(-brute, kind="stable")][: rows.shape[1]].tolist()
        bits = hamming(codes[0][query : query + 1], codes[1][found])[0]
        assert binary[query].tolist() == found[np.argsort(bits, kind="stable")][: rows.shape[1]].tolist()
        assert distances[query].tolist() == np.sort(bits)[: rows.shape[1]].tolist()


@pytest.mark.parametrize("precision", ["float", "binary", "asymmetric"])
def test_a_search_stays_within_its_blocks(precision, monkeypatch):
    """All costs at once, 1,500 x 3,000 of 4 or 8 bytes each, would take four times the bound."""
    bound = 4 * 2**20
    monkeypatch.setattr("vitrail.evaluation.search._MAX_CELLS", bound // 64)
    generator = np.random.default_rng(0)
    embeddings = unit_vectors(generator, 3000)
    vectors = Vectors(embeddings=embeddings, codes=np.packbits(embeddings > 0, axis=1))
    rows, labels = np.arange(3000), generator.integers(0, 500, 3000).astype(str)
    direction = Direction(name="within", queries=rows[:1500], gallery=rows, apart=Parts(rows[:1500], rows))
    tracemalloc.start()
    ranking = rank_gallery(direction, labels, vectors, precision, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    linear = 40 * 2**10 * 16  # of what is kept for each query and image: neighbours, scores, labels, signs
    assert len(ranking.queries) > 1400
    assert peak < bound + linear


def test_blocks_do_not_change_the_answer(monkeypatch):
    generator = np.random.default_rng(0)
    queries, gallery = unit_vectors(generator, 50), unit_vectors(generator, 60)
    codes = [np.packbits(vectors > 0, axis=1) for vectors in (queries, gallery)]
    whole = (nearest_float(queries, gallery, 5)[0], nearest_binary(*codes, 5)[0])
    monkeypatch.setattr("vitrail.evaluation.search._MAX_CELLS", 130)
    assert np.array_equal(nearest_float(queries, gallery, 5)[0], whole[0])
    assert np.array_equal(nearest_binary(*codes, 5)[0], whole[1])


def test_equal_codes_come_in_row_order():
    vectors = np.tile(unit_vectors(np.random.default_rng(0), 1), (6, 1))
    codes = np.packbits(vectors > 0, axis=1)
    assert nearest_binary(codes[:1], codes, 3)[0].tolist() == [[0, 1, 2]]


def test_an_empty_gallery_has_no_neighbours():
    vectors = unit_vectors(np.random.default_rng(0), 3)
    assert nearest_float(vectors, vectors[:0], 5)[0].shape == (3, 0)
    codes = np.packbits(vectors > 0, axis=1)
    assert nearest_binary(codes, codes[:0], 5)[0].shape == (3, 0)


def test_distances_are_counted_beyond_one_byte():
    assert hamming(np.zeros((1, 128), np.uint8), np.full((1, 128), 255, np.uint8)).tolist() == [[1024]]


def test_other_widths_are_refused():
    with pytest.raises(EvaluationError, match="width"):
        nearest_binary(np.zeros((1, 8), np.uint8), np.zeros((1, 16), np.uint8), 1)
