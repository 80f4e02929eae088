"""Groups in flat arrays, by name: sorted keys, runs of equal values, and ragged rows laid end to end.

A *run* is a stretch of equal neighbours in an array. A *ragged* array holds rows of different lengths end to end:
`counts` says how long each row is, `offsets` where it starts. All of it is integers in NumPy, because scoring spends
most of its time here.
"""

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = [
    "count_values",
    "dense_ranks",
    "drop_repeats",
    "find_among",
    "fold_groups",
    "is_run_start",
    "list_array",
    "places_in_runs",
    "positions_in_rows",
    "repetitions",
    "row_of_each",
    "run_lengths",
    "run_starts",
    "sort_groups",
    "sort_keys",
    "to_offsets",
]


def sort_keys(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts keys (int64 [N], none negative), equal ones as they come, and the sorted keys."""
    index_bits = len(key).bit_length()
    if int(key.max(initial=0)).bit_length() + index_bits < 64:  # sorting values is several times faster than an index
        packed = (key << index_bits) | np.arange(len(key))
        packed.sort(kind="stable")  # the keys come in long ascending runs
        return packed & ((1 << index_bits) - 1), packed >> index_bits
    order = np.argsort(key, kind="stable")
    return order, key[order]


def sort_groups(key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts keys (int64 [N], none negative), and where the groups of equal keys start in it (int64 [G])."""
    order, ordered = sort_keys(key)
    return order, run_starts(ordered)


def drop_repeats(ordered: np.ndarray) -> np.ndarray:
    """The distinct values of a sorted array [N]; `np.unique` would hash, which is slower for integers."""
    return ordered[is_run_start(ordered)]


def set_signatures(pairs: np.ndarray, num_sets: int) -> np.ndarray:
    """uint64 [num_sets]: equal for sets of equal members, 0 for the empty one; below 2**31 is no other.

    Args:
        pairs: int64, set << 32 | member, distinct; sums of random numbers, so their order is no matter.
        num_sets: How many sets there are.
    """
    member = pairs & 0xFFFFFFFF
    scrambled = np.random.default_rng(0).integers(0, 2**63, int(member.max(initial=-1)) + 1, dtype=np.uint64)
    signatures = np.zeros(num_sets, dtype=np.uint64)
    np.add.at(signatures, pairs >> 32, scrambled[member])
    return signatures


def dense_ranks(key: np.ndarray) -> np.ndarray:
    """int64 [N]: 0 for the least of the keys (int64 [N], none negative), 1 for the next larger value, and so on."""
    order, starts = sort_groups(key)
    ranks = np.empty(len(key), dtype=np.int64)
    ranks[order] = row_of_each(run_lengths(starts, len(key)))
    return ranks


def is_run_start(*columns: np.ndarray) -> np.ndarray:
    """Bool [N]: the row differs from the one before it in some column ([N] each); the first row does."""
    is_first = np.ones(len(columns[0]), dtype=bool)
    np.not_equal(columns[0][1:], columns[0][:-1], out=is_first[1:])
    for column in columns[1:]:
        is_first[1:] |= column[1:] != column[:-1]
    return is_first


def run_starts(values: np.ndarray) -> np.ndarray:
    """int64 [R]: where the runs of equal values start."""
    return np.flatnonzero(is_run_start(values))


def run_lengths(starts: np.ndarray, size: int) -> np.ndarray:
    """int64 [R]: lengths of the runs that start there and fill an array of `size`."""
    return np.diff(starts, append=size)


def places_in_runs(values: np.ndarray) -> np.ndarray:
    """int64 [N]: 0 for the first value of each run, 1 for the second, and so on."""
    position = np.arange(len(values))
    return position - np.maximum.accumulate(np.where(is_run_start(values), position, 0))


def to_offsets(counts: np.ndarray) -> np.ndarray:
    """int64 [R + 1]: row r of a ragged array with these row lengths owns offsets[r] : offsets[r + 1]."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def row_of_each(counts: np.ndarray) -> np.ndarray:
    """int64 [sum(counts)]: the row that each element of a ragged array is in."""
    return np.repeat(np.arange(len(counts)), counts)


def positions_in_rows(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """int64 [sum(counts)]: starts[0], starts[0] + 1, ... counts[0] times, then the same of each further row.

    Taking these positions gathers chosen rows of a ragged array. `starts` are int64 [R], where the rows begin.
    """
    ends = np.cumsum(counts)
    shift = starts - (ends - counts)  # from an element's place in the result to its place in the array
    return np.repeat(shift, counts) + np.arange(ends[-1] if len(ends) else 0)


def list_array(counts: np.ndarray, values: Any) -> pa.ListArray:
    """The ragged array with these row lengths and `values` (an array of NumPy or Arrow), as lists."""
    return pa.ListArray.from_arrays(pa.array(to_offsets(counts).astype(np.int32)), values)


def count_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values (small integers, none negative), ascending, and how often each occurs."""
    count = np.bincount(values)
    distinct = np.flatnonzero(count)
    return distinct, count[distinct]


def repetitions(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the elements that are not the first of their row, and the rows they are in."""
    large = np.flatnonzero(counts > 1)
    extra = counts[large] - 1
    return positions_in_rows(np.cumsum(counts)[large] - extra, extra), np.repeat(large, extra)


def fold_groups(
    operation: np.ufunc, values: np.ndarray, starts: np.ndarray, repeated: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """[G]: reduces the values [N] of each group; the groups start at `starts` and have these `repetitions`.

    The same as `operation.reduceat`, which is slow where most groups have one value.
    """
    position, group = repeated
    result = values[starts]
    operation.at(result, group, values[position])
    return result


def find_among(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """int64: positions of the keys (int64 [N], nearly ordered) that are among the wanted ones.

    A table by the low bits of the keys rules most out; its neighbouring slots stay in the processor's cache.
    """
    if not len(wanted):
        return np.zeros(0, dtype=np.int64)
    ordered = np.sort(wanted, kind="stable")
    low_bits = (1 << (len(wanted) * 8).bit_length()) - 1
    is_possible = np.zeros(low_bits + 1, dtype=bool)
    is_possible[ordered & low_bits] = True
    found = np.flatnonzero(is_possible[keys & low_bits])
    slot = np.searchsorted(ordered, keys[found])
    return found[ordered[np.minimum(slot, len(ordered) - 1)] == keys[found]]
