"""Kill at any step, go on with other ranks, workers and batches: the order is as if nothing had happened."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.corpus.reader.image_reader import Batch, Reader, Source

TRANSFORMS = Transforms(image_size=8)
CONFIG = ReaderConfig(order=OrderConfig(window=16, shards_per_group=2), verify_digests=False)
PHASE = st.tuples(
    st.integers(1, 3),  # ranks
    st.integers(1, 9),  # images a batch
    st.integers(1, 6),  # steps before the kill
    st.sampled_from([0, 0, 0, 2]),  # worker processes
)
Seen = list[tuple[int, int, str]]


def sources(*corpora: Corpus, is_weighted: bool) -> list[Source]:
    found = []
    for number, corpus in enumerate(corpora):
        weights = np.linspace(0.5, 2.5, corpus.manifest.num_images) if is_weighted else None
        found.append(Source(corpus=corpus, weight=1.0 + number, sample_weights=weights))
    return found


def open_reader(opened: list[Source], seed: int, position: int, **options: int) -> Reader:
    return Reader(
        opened,
        transforms=TRANSFORMS,
        augmentation=LIGHT,
        seed=seed,
        position=position,
        config=CONFIG,
        **options,
    )


def take(reader: Reader, num_batches: int) -> list[Batch]:
    batches = iter(reader)
    taken = [next(batches) for _ in range(num_batches)]
    batches.close()
    return taken


def run_phase(
    opened: list[Source], seed: int, position: int, phase: tuple[int, int, int, int]
) -> tuple[int, Seen, torch.Tensor]:
    world_size, batch_size, steps, workers = phase
    ranks = []
    for rank in range(world_size):
        options = {"rank": rank, "world_size": world_size, "batch_size": batch_size, "num_workers": workers}
        ranks.append(take(open_reader(opened, seed, position, **options), steps))
    seen: Seen = []
    images = []
    for step in range(steps):
        assert len({batches[step].position for batches in ranks}) == 1
        for batches in ranks:
            batch = batches[step]
            seen += zip(batch.source.tolist(), batch.epochs.tolist(), batch.image_ids, strict=True)
            images.append(batch.images)
    return ranks[0][-1].position, seen, torch.cat(images)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(PHASE, min_size=2, max_size=4), st.booleans(), st.booleans())
def test_any_restarts_see_the_same_sequence(
    tiny_corpus: Corpus,
    other_corpus: Corpus,
    seed: int,
    phases: list[tuple[int, int, int, int]],
    is_blend: bool,
    is_weighted: bool,
) -> None:
    corpora = (tiny_corpus, other_corpus) if is_blend else (tiny_corpus,)
    opened = sources(*corpora, is_weighted=is_weighted)
    position, seen, images = 0, [], []
    for phase in phases:
        position, keys, pixels = run_phase(opened, seed, position, phase)
        seen += keys
        images.append(pixels)
    assert position == len(seen)
    _, undisturbed, pixels = run_phase(opened, seed, 0, (1, position, 1, 0))
    assert seen == undisturbed
    assert torch.equal(torch.cat(images), pixels)  # augmentation included
    if not is_weighted:
        for number, corpus in enumerate(corpora):
            assert_epochs_are_whole([(epoch, key) for source, epoch, key in seen if source == number], corpus)


def assert_epochs_are_whole(seen: list[tuple[int, str]], corpus: Corpus) -> None:
    """Without looking at any order: every epoch holds every key once, the last one none twice."""
    keys = corpus.index()["image_id"].to_pylist()
    num_epochs, rest = divmod(len(seen), len(keys))
    expected = Counter((epoch, key) for epoch in range(num_epochs) for key in keys)
    assert Counter(entry for entry in seen if entry[0] < num_epochs) == expected
    last = [key for epoch, key in seen if epoch == num_epochs]
    assert len(last) == rest == len(set(last))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 11))
def test_each_epoch_sees_each_image_once(tiny_corpus: Corpus, seed: int, world_size: int, batch_size: int) -> None:
    steps = -(-2 * 53 // (world_size * batch_size))
    _, seen, _ = run_phase(sources(tiny_corpus, is_weighted=False), seed, 0, (world_size, batch_size, steps, 0))
    assert set(Counter(seen[: 2 * 53]).values()) == {1}
    assert {epoch for _, epoch, _ in seen[:53]} == {0}
    assert {epoch for _, epoch, _ in seen[53:106]} == {1}


def test_the_cursor_of_each_source_follows_from_the_position(tiny_corpus: Corpus, other_corpus: Corpus) -> None:
    reader = open_reader(sources(tiny_corpus, other_corpus, is_weighted=False), 0, 0, batch_size=10)
    batches = take(reader, 6)
    assert reader.position == 60
    counts = Counter(torch.cat([batch.source for batch in batches]).tolist())
    assert reader.cursors == [counts[0], counts[1]]
    assert reader.epoch_sizes == [53, 17]


def test_seed_sources_and_window_are_the_identity_of_the_order(tiny_corpus: Corpus, other_corpus: Corpus) -> None:
    def digest(*corpora: Corpus, seed: int = 0, batch_size: int = 4, is_weighted: bool = False) -> str:
        return open_reader(sources(*corpora, is_weighted=is_weighted), seed, 0, batch_size=batch_size).order_digest

    digests = [digest(tiny_corpus), digest(tiny_corpus, seed=1), digest(other_corpus)]
    digests += [digest(tiny_corpus, other_corpus), digest(tiny_corpus, is_weighted=True)]
    assert len(set(digests)) == 5
    assert digest(tiny_corpus, batch_size=7) == digests[0]


@pytest.mark.parametrize("position", [0, 40, 53 * 10**7 + 20])
def test_a_reader_iterated_again_goes_on(tiny_corpus: Corpus, position: int) -> None:
    opened = sources(tiny_corpus, is_weighted=False)
    reader = open_reader(opened, 5, position, batch_size=4)
    first, second = take(reader, 2), take(reader, 2)
    straight = take(open_reader(opened, 5, position, batch_size=4), 4)
    assert [batch.image_ids for batch in first + second] == [batch.image_ids for batch in straight]
