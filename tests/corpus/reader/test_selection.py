import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrail.corpus.reader.selection import Selection, shard_starts

SHARDS = st.lists(st.lists(st.booleans(), max_size=40), min_size=1, max_size=8)


@given(SHARDS)
def test_what_was_selected_comes_back_from_masks_and_rows(masks: list[list[bool]]) -> None:
    starts = shard_starts(len(mask) for mask in masks)
    rows = np.flatnonzero([is_selected for mask in masks for is_selected in mask])
    for selection in (
        Selection.of_masks(starts, (np.array(mask, dtype=bool) for mask in masks)),
        Selection.of_rows(starts, rows),
    ):
        assert len(selection) == len(rows)
        assert selection.rows().tolist() == rows.tolist()
        assert selection.bounds.tolist() == np.searchsorted(rows, starts).tolist()
        assert len(selection.bits) <= sum(len(mask) // 8 + 1 for mask in masks)


@given(SHARDS)
def test_some_are_kept_by_shard_and_row(masks: list[list[bool]]) -> None:
    starts = shard_starts(len(mask) for mask in masks)
    selection = Selection.of_masks(starts, (np.array(mask, dtype=bool) for mask in masks))
    kept = selection.keep(lambda shard, rows: (shard + rows) % 2 == 0).rows().tolist()
    shards = np.searchsorted(starts, selection.rows(), side="right") - 1
    local = selection.rows() - starts[shards]
    assert kept == selection.rows()[(shards + local) % 2 == 0].tolist()
