import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from vitrail.corpus.build import near_rows
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.near_rows import join_near_rows

WIDTH = 768
MAX_SQUARE = 4 * WIDTH


def near_pairs(rows):
    """Every pair compared; sums of integers below 2**53 are exact in float64."""
    wide = rows.astype(np.float64)
    squares = (wide**2).sum(axis=1)
    distances = squares[:, None] + squares[None, :] - 2 * wide @ wide.T
    return np.argwhere(np.triu(distances <= MAX_SQUARE, k=1)).tolist()


def scattered(rng, num_rows):
    return rng.integers(0, 256, (num_rows, WIDTH), dtype=np.uint8)


def clustered(rng, num_rows):
    """Copies of a few pictures with noise: some of each are near, some are just too far."""
    centres = rng.integers(20, 236, (num_rows // 25, WIDTH))
    noise = rng.normal(size=(num_rows, WIDTH)) * rng.uniform(0.5, 2.2, (num_rows, 1))
    return (centres[rng.integers(0, len(centres), num_rows)] + noise).round().clip(0, 255).astype(np.uint8)


def pictures(rng, num_rows):
    """Smooth, as small pictures are, each copied four times with noise."""
    coarse = rng.integers(0, 256, (num_rows // 4, 4, 4, 3)).repeat(4, axis=1).repeat(4, axis=2).reshape(-1, WIDTH)
    return (np.tile(coarse, (5, 1))[:num_rows] + rng.normal(0, 1, (num_rows, WIDTH))).clip(0, 255).astype(np.uint8)


def crowded(rng, num_rows):
    """One picture with noise, about the limit from each other: no direction tells them apart."""
    return (128 + rng.normal(0, 1.414, (num_rows, WIDTH))).round().astype(np.uint8)


def in_a_chain(rng, num_rows):
    """Each near the next: only all together are they one component."""
    steps = np.zeros((num_rows, WIDTH), dtype=np.uint8)
    for number in range(num_rows):
        steps[number, : number // 2] = 55
    return steps[rng.permutation(num_rows)]


def with_equal_rows(rng, num_rows):
    return scattered(rng, num_rows // 8)[rng.integers(0, num_rows // 8, num_rows)]


def of_one_colour(rng, num_rows):
    return np.repeat(rng.integers(0, 256, (num_rows, 1), dtype=np.uint8), WIDTH, axis=1)


def first_of_components(pairs, num_rows):
    rows, others = np.array(list(pairs), dtype=np.int64).reshape(-1, 2).T
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, others)), shape=(num_rows, num_rows))
    _, number = connected_components(graph, directed=False)
    return np.unique(number, return_index=True)[1][number].tolist()


@pytest.mark.parametrize("make", [scattered, clustered, pictures, crowded, in_a_chain, with_equal_rows, of_one_colour])
@pytest.mark.parametrize("num_rows", [2, 60, 513, 1300])
def test_exactly_the_pairs_that_comparing_all_finds(make, num_rows):
    rows = make(np.random.default_rng(num_rows), max(num_rows, 50))[:num_rows]
    found = Components(num_rows)
    join_near_rows(num_rows, lambda which: rows[which], MAX_SQUARE, found)
    assert found.roots().tolist() == first_of_components(near_pairs(rows), num_rows)


def test_a_pair_at_the_limit_is_near_and_beyond_it_is_not():
    at, beyond = np.zeros((2, WIDTH), dtype=np.uint8), np.zeros((2, WIDTH), dtype=np.uint8)
    at[1, :] = 2
    beyond[1, :] = 2
    beyond[1, 0] = 3
    for rows, is_near in ((at, True), (beyond, False)):
        found = Components(2)
        join_near_rows(2, lambda which, rows=rows: rows[which], MAX_SQUARE, found)
        assert (found.roots().tolist() == [0, 0]) is is_near


@pytest.mark.parametrize("make", [pictures, of_one_colour])
def test_a_row_is_compared_with_few_others(make, monkeypatch):
    """About as many as a part holds, however many there are: with 6,000 rows, every pair would be 3,000 a row."""
    compared = []
    join_blocks = near_rows._join_blocks

    def count(block, others, *rest):
        compared.append(len(block) * len(others))
        join_blocks(block, others, *rest)

    monkeypatch.setattr(near_rows, "_join_blocks", count)
    rows = make(np.random.default_rng(7), 6000)
    join_near_rows(len(rows), lambda which: rows[which], MAX_SQUARE, Components(len(rows)))
    assert sum(compared) < 600 * len(rows)


def test_components_are_called_by_their_first_item():
    components = Components(7)
    components.join(np.array([5, 6, 3, 6]), np.array([3, 4, 2, 5]))
    assert components.roots().tolist() == [0, 1, 2, 2, 2, 2, 2]
    assert components.roots(np.array([6])).tolist() == [2]
