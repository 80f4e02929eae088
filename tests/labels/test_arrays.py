"""Ragged arrays and runs against plain loops over lists."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrail.labels import arrays

small = st.lists(st.integers(0, 4), max_size=20)


def ints(values):
    return np.array(values, dtype=np.int64)


@given(small)
def test_runs(values):
    runs = [list(group) for _, group in itertools.groupby(values)]
    starts = arrays.run_starts(ints(values))
    assert arrays.run_lengths(starts, len(values)).tolist() == [len(run) for run in runs]
    assert ints(values)[starts].tolist() == [run[0] for run in runs]
    assert arrays.places_in_runs(ints(values)).tolist() == [place for run in runs for place in range(len(run))]
    assert arrays.drop_repeats(np.sort(ints(values))).tolist() == sorted(set(values))


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=20))
def test_a_run_of_rows_ends_where_any_column_changes(rows):
    columns = [ints([row[index] for row in rows]) for index in range(2)]
    expected = [index == 0 or rows[index] != rows[index - 1] for index in range(len(rows))]
    assert arrays.is_run_start(*columns).tolist() == expected


@given(small, st.data())
def test_ragged_rows(counts, data):
    rows, offsets = [], arrays.to_offsets(ints(counts))
    for start, count in zip(offsets.tolist(), counts, strict=False):
        rows.append(list(range(start, start + count)))
    flat = [element for row in rows for element in row]
    assert offsets.tolist() == [sum(counts[:index]) for index in range(len(counts) + 1)]
    assert arrays.row_of_each(ints(counts)).tolist() == [index for index, row in enumerate(rows) for _ in row]
    chosen = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=10)) if counts else []
    picked = arrays.positions_in_rows(offsets[ints(chosen)], ints(counts)[ints(chosen)])
    assert picked.tolist() == [element for index in chosen for element in rows[index]]
    assert arrays.list_array(ints(counts), ints(flat)).to_pylist() == rows


@given(st.lists(st.integers(1, 4), max_size=12), st.data())
def test_folding_groups_is_a_reduction_of_each(counts, data):
    rows = [data.draw(st.lists(st.integers(0, 99), min_size=count, max_size=count)) for count in counts]
    values, starts = ints([value for row in rows for value in row]), arrays.to_offsets(ints(counts))[:-1]
    position, group = arrays.repetitions(ints(counts))
    assert group.tolist() == [index for index, row in enumerate(rows) for _ in row[1:]]
    assert values[position].tolist() == [value for row in rows for value in row[1:]]
    assert arrays.fold_groups(np.maximum, values, starts, (position, group)).tolist() == [max(row) for row in rows]


@pytest.mark.parametrize("scale", [1, 1 << 58])  # keys beside their index in 64 bits, and too large for that
@given(keys=small)
def test_sorting(keys, scale):
    key = ints(keys) * scale
    order, ordered = arrays.sort_keys(key)
    assert order.tolist() == sorted(range(len(keys)), key=keys.__getitem__)
    assert ordered.tolist() == sorted(key.tolist())
    distinct = sorted(set(keys))
    assert arrays.dense_ranks(key).tolist() == [distinct.index(value) for value in keys]


@given(small, small)
def test_finding_and_counting(keys, wanted):
    expected = [index for index, key in enumerate(keys) if key in wanted]
    assert arrays.find_among(ints(keys), ints(wanted)).tolist() == expected
    distinct, count = arrays.count_values(ints(keys))
    assert dict(zip(distinct.tolist(), count.tolist(), strict=True)) == {key: keys.count(key) for key in keys}
