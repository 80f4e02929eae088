"""Ids of labels from one label set to the next, and what a diff says of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.labels.label_set.diff import follow_labels, remap_head
from vitrail.labels.label_set.label_ids import assign_ids

CAT, KITTEN, FELINE, DOG, PUPPY = ((name, "en", 0) for name in ("cat", "kitten", "feline", "dog", "puppy"))
LETTERS = [(letter, "en", 0) for letter in "abcdefgh"]
clusters = st.dictionaries(st.sampled_from(LETTERS), st.integers(1, 9), min_size=1, max_size=4)


def test_ids_survive_when_terms_join_and_leave():
    old = [{CAT: 10, KITTEN: 4}, {DOG: 8}]
    ids = assign_ids([CAT, DOG], old, [], [])
    again = assign_ids([CAT, DOG], old, [], [])
    assert ids == again
    new = [{KITTEN: 5, CAT: 9, FELINE: 20}, {PUPPY: 3}, {DOG: 9}]
    later = assign_ids([FELINE, PUPPY, DOG], new, ids, old)
    assert later[0] == ids[0]
    assert later[2] == ids[1]
    assert later[1] not in ids


@settings(max_examples=100, deadline=None)
@given(st.permutations(LETTERS), st.integers(1, 5), st.integers(1, 5), st.randoms(use_true_random=False))
def test_ids_are_unique_and_unchanged_clusters_keep_theirs(terms, num_old, num_new, random):
    def partition(count):
        groups = [{} for _ in range(count)]
        for term in terms:
            random.choice(groups)[term] = random.randint(1, 9)
        return [group for group in groups if group]

    old, new = partition(num_old), partition(num_new)
    new = [dict(old[0]), *[{t: w for t, w in c.items() if t not in old[0]} for c in new]]
    new = [group for group in new if group]
    old_ids = assign_ids([min(group) for group in old], old, [], [])
    ids = assign_ids([min(group) for group in new], new, old_ids, old)
    assert len(set(ids)) == len(ids)
    assert ids[0] == old_ids[0]


def test_a_label_that_moves_whole_into_one_with_a_new_id_is_told_and_keeps_its_row():
    old, old_ids = [{CAT: 9, KITTEN: 8}, {FELINE: 5}], [1, 2]
    new = [{CAT: 9}, {KITTEN: 8, FELINE: 5}]
    new_ids = assign_ids([CAT, KITTEN], new, old_ids, old)
    moves = follow_labels(old_ids, old, new_ids, new)
    assert moves.kept == (1,)
    assert moves.merged == {new_ids[1]: (2,)}
    head = remap_head(np.array([10.0, 20.0]), old_ids, new_ids, moves.merged, np.zeros(2))
    assert head.tolist() == [10, 20]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_label_is_in_one_list_of_a_diff(data):
    def partition():
        home = data.draw(st.lists(st.none() | st.integers(0, 3), min_size=8, max_size=8))
        weight = data.draw(st.lists(st.integers(0, 3), min_size=8, max_size=8))
        groups = [{t: w for t, w, h in zip(LETTERS, weight, home, strict=True) if h == n} for n in range(4)]
        return [group for group in groups if group]

    old, new = partition(), partition()
    old_ids = assign_ids([min(group) for group in old], old, [], [])
    new_ids = assign_ids([min(group) for group in new], new, old_ids, old)
    moves = follow_labels(old_ids, old, new_ids, new)
    before = {*moves.kept, *moves.lost, *moves.split, *(i for ids in moves.merged.values() for i in ids)}
    after = {*moves.kept, *moves.new, *moves.merged, *(i for ids in moves.split.values() for i in ids)}
    assert set(old_ids) <= before
    assert set(new_ids) <= after
    assert all(label_id in moves.merged.get(label_id, (label_id,)) for label_id in moves.kept)
