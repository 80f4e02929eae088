"""SIGKILL at a random moment, to whole ranks or to one decoding process; other ranks, workers and batches after it."""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.corpus.reader.image_reader import Batch, Reader, Source
from vitrail.errors import TrainingError

pytestmark = pytest.mark.distributed

TRANSFORMS = Transforms(image_size=8)
CONFIG = ReaderConfig(order=OrderConfig(window=16, shards_per_group=2))
SEEDS = st.integers(0, 2**32)
LAYOUT = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(0, 2))  # ranks, images a batch, workers a rank
Entry = tuple[int, int, str, str]  # source, epoch, key, digest of the pixels


@pytest.fixture(scope="module")
def blend(tiny_corpus: Corpus, other_corpus: Corpus) -> list[Source]:
    weights = np.linspace(0.5, 2.5, other_corpus.manifest.num_images)
    return [Source(corpus=tiny_corpus, weight=2.0), Source(corpus=other_corpus, sample_weights=weights)]


def open_reader(sources: list[Source], seed: int, position: int, layout: tuple[int, int, int], rank: int) -> Reader:
    world_size, batch_size, num_workers = layout
    return Reader(
        sources,
        transforms=TRANSFORMS,
        augmentation=LIGHT,
        batch_size=batch_size,
        rank=rank,
        world_size=world_size,
        seed=seed,
        num_workers=num_workers,
        position=position,
        config=CONFIG,
    )


def entries_of(batch: Batch) -> list[Entry]:
    digests = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in batch.images]
    return list(zip(batch.source.tolist(), batch.epochs.tolist(), batch.image_ids, digests, strict=True))


def undisturbed(sources: list[Source], seed: int, num_places: int) -> list[Entry]:
    return entries_of(next(iter(open_reader(sources, seed, 0, (1, num_places, 0), 0))))


def read_until_killed(
    sources: list[Source], seed: int, position: int, layout: tuple[int, int, int], rank: int, log: Path
) -> None:
    """One rank: each batch is logged, whole or not at all, under the position that follows it."""
    os.setsid()
    for batch in open_reader(sources, seed, position, layout, rank):
        partial = log / f"{rank}.partial"
        partial.write_text(json.dumps(entries_of(batch)))
        partial.rename(log / f"{batch.position:08d}-{rank}.json")


def run_and_kill(
    sources: list[Source], seed: int, position: int, layout: tuple[int, int, int], delay_s: float, log: Path
) -> tuple[int, list[Entry]]:
    """Position of the last step that all ranks completed before the kill, and what they had read by then."""
    log.mkdir()
    ranks = [
        multiprocessing.get_context("fork").Process(
            target=read_until_killed, args=(sources, seed, position, layout, rank, log)
        )
        for rank in range(layout[0])
    ]
    for process in ranks:
        process.start()
    while not complete_steps(log, layout[0]):
        assert all(process.is_alive() for process in ranks)
        time.sleep(0.005)
    time.sleep(delay_s)
    random.Random(seed).shuffle(ranks)
    for process in ranks:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    steps = complete_steps(log, layout[0])
    files = [log / f"{step}-{rank}.json" for step in steps for rank in range(layout[0])]
    return int(steps[-1]), [tuple(entry) for file in files for entry in json.loads(file.read_text())]


def complete_steps(log: Path, world_size: int) -> list[str]:
    counts = Counter(file.stem.split("-")[0] for file in log.glob("*.json"))
    return sorted(step for step, count in counts.items() if count == world_size)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS, st.lists(st.tuples(LAYOUT, st.floats(0, 0.05)), min_size=3, max_size=3))
def test_killed_ranks_lose_and_repeat_nothing(
    blend: list[Source],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    phases: list[tuple[tuple[int, int, int], float]],
) -> None:
    folder = tmp_path_factory.mktemp("kill")
    position, seen = 0, []
    for number, (layout, delay_s) in enumerate(phases):
        position, entries = run_and_kill(blend, seed, position, layout, delay_s, folder / str(number))
        seen += entries
    expected = undisturbed(blend, seed, position)
    assert seen == expected
    first_epoch = Counter(key for source, epoch, key, _ in seen if (source, epoch) == (0, 0))
    assert set(first_epoch.values()) == {1}


def batches_until_death(reader: Reader, num_before: int, rng: random.Random) -> Iterator[Batch]:
    # PyTorch raises RuntimeError in whatever the main thread does just then, be it in the reader or not.
    with pytest.raises((TrainingError, RuntimeError), match="DataLoader worker"):
        for step, batch in enumerate(reader):
            yield batch
            if step == num_before:
                workers = [child for child in multiprocessing.active_children() if child.is_alive()]
                os.kill(rng.choice(workers).pid, signal.SIGKILL)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.lists(st.tuples(st.integers(1, 2), st.integers(1, 9), st.integers(0, 6)), min_size=2, max_size=3))
def test_a_killed_decoding_process_loses_and_repeats_nothing(
    blend: list[Source], seed: int, phases: list[tuple[int, int, int]]
) -> None:
    rng = random.Random(seed)
    position, seen = 0, []
    for num_workers, batch_size, num_before in phases:
        reader = open_reader(blend, seed, position, (1, batch_size, num_workers), 0)
        for batch in batches_until_death(reader, num_before, rng):
            seen += entries_of(batch)
            position = batch.position
    assert seen == undisturbed(blend, seed, position)
