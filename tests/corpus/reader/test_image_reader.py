import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from builders.tiny_corpora import make_corpus
from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.pixels.augment import LIGHT, NONE
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.corpus.reader.image_reader import Batch, Reader, Source, read_images
from vitrail.corpus.reader.tally import Tally
from vitrail.corpus.reader.targets import ListTargets, TableTargets
from vitrail.errors import ConfigError, CorpusError, TrainingError

TRANSFORMS = Transforms(image_size=8, background=(1, 2, 3))


def open_reader(*sources: Source, batch_size: int = 53, **options: object) -> Reader:
    settings: dict[str, object] = {"augmentation": NONE, **options}
    return Reader(sources, transforms=TRANSFORMS, batch_size=batch_size, **settings)


def first_batch(reader: Reader) -> Batch:
    batches = iter(reader)
    batch = next(batches)
    batches.close()
    return batch


def copy_of(corpus: Corpus, folder: Path) -> Corpus:
    return open_corpus(shutil.copytree(corpus.path, folder / "copy"))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_pixels_are_those_of_the_evaluation_pass(tiny_corpus: Corpus, num_workers: int) -> None:
    batch = first_batch(open_reader(Source(corpus=tiny_corpus), num_workers=num_workers))
    data = tiny_corpus.read_bytes(batch.image_ids)
    expected = np.stack([prepare_image(item, TRANSFORMS) for item in data]).transpose(0, 3, 1, 2)
    assert (batch.images.numpy() == expected).all()
    assert batch.images.is_contiguous()
    index = tiny_corpus.index()["image_id"]
    assert index.take(pa.array(batch.rows.numpy())).to_pylist() == batch.image_ids
    evaluated = list(read_images(tiny_corpus, batch.image_ids, TRANSFORMS, 20, num_workers))
    assert [image_id for ids, _ in evaluated for image_id in ids] == batch.image_ids
    assert torch.equal(torch.cat([images for _, images in evaluated]), batch.images)


def test_tasks_that_only_one_source_has_are_unlabelled_in_the_other(tiny_corpus: Corpus, other_corpus: Corpus) -> None:
    ids = tiny_corpus.index()["image_id"].to_pylist()
    lists = ListTargets("words", {"other-0003": ([2], [0.5])}, max_labels=2)
    batch = first_batch(
        open_reader(
            Source(
                corpus=tiny_corpus,
                targets=[TableTargets("parity", ids, ["01"[i % 2] for i in range(53)], "01")],
            ),
            Source(corpus=other_corpus, targets=[lists], weight=0.5),
            batch_size=60,
        )
    )
    assert torch.bincount(batch.source).tolist() == [40, 20]
    for item, image_id in enumerate(batch.image_ids):
        is_first = batch.source[item] == 0
        assert batch.targets["parity"][item] == (batch.rows[item] % 2 if is_first else -1)
        assert batch.targets["words"][item].tolist() == [2 if image_id == "other-0003" else -1, -1]


def test_a_tally_counts_images_and_their_labels() -> None:
    labels = np.array([[3, 1, -1], [-1, -1, -1], [0, -1, -1]])
    targets = {"words": labels, "words/weights": np.ones((3, 3)), "tone": np.array([-1, 2, -1])}
    tally = Tally.of(targets, num_bytes=7)
    assert tally == Tally(labelled={"words": 2, "tone": 1}, labels={"words": 3, "tone": 1}, num_bytes=7)


def test_one_task_in_two_shapes_is_refused(tiny_corpus: Corpus) -> None:
    pair = [ListTargets("words", {"a": ([1], [1.0])}, max_labels=width) for width in (2, 3)]
    with pytest.raises(ConfigError, match="same max_labels"):
        open_reader(*(Source(corpus=tiny_corpus, targets=[targets]) for targets in pair))


def test_images_without_label_are_kept_skipped_or_refused(tiny_corpus: Corpus) -> None:
    table = TableTargets("task", ["tiny-0003", "tiny-0020", "tiny-0052"], "aba", "ab")
    labelled = {"corpus": tiny_corpus, "targets": [table]}
    assert open_reader(Source(**labelled)).epoch_sizes == [53]
    skipping = open_reader(Source(**labelled, missing="skip"), batch_size=3)
    assert sorted(first_batch(skipping).image_ids) == ["tiny-0003", "tiny-0020", "tiny-0052"]
    weights = np.arange(20.0)
    source = Source(**labelled, missing="skip", rows=np.arange(2, 22), sample_weights=weights)
    assert open_reader(source).epoch_sizes == [1 + 18]  # rows 3 and 20
    with pytest.raises(CorpusError, match=r"shard 0000\d, image tiny-\d+ has no label"):
        first_batch(open_reader(Source(**labelled, missing="error")))


@pytest.mark.parametrize("num_workers", [0, 1])
def test_bad_images_are_masked_counted_and_limited(tmp_path: Path, num_workers: int) -> None:
    corpus = make_corpus(tmp_path / "made", (10, 10), bad={4: b"<html>not found</html>", 15: b"\x89PNG\r\n\x1a\n"})
    table = TableTargets("task", corpus.index()["image_id"].to_pylist(), "a" * 20, "a")
    source = Source(corpus=corpus, targets=[table])
    reader = open_reader(source, batch_size=40, num_workers=num_workers, augmentation=LIGHT)
    batch = first_batch(reader)
    assert len(batch.image_ids) == 40
    assert {(bad.shard, bad.image_id) for bad in batch.bad} == {
        ("00000", "tiny-0004"),
        ("00001", "tiny-0015"),
    }
    for bad in batch.bad:
        assert batch.image_ids[bad.item] == bad.image_id
        assert batch.targets["task"][bad.item] == -1
    assert (batch.targets["task"] == 0).sum() == 36
    assert (batch.tally.labelled, batch.tally.labels) == ({"task": 36}, {"task": 36})  # of what is trained on
    sizes = corpus.index()["size"].to_numpy()
    assert batch.tally.num_bytes == sizes[batch.rows.numpy()].sum()  # of what was read
    assert "html" in next(bad.reason for bad in batch.bad if bad.image_id == "tiny-0004")
    assert reader.statistics.num_images == 40
    assert reader.statistics.num_bad == 4  # two epochs
    assert len(reader.quarantine.reasons) == 2
    limited = open_reader(source, num_workers=num_workers, config=ReaderConfig(max_bad_images=1))
    with pytest.raises(CorpusError, match=r"place 0 .*2 bad images, more than max_bad_images=1.*shard \d+, image tiny"):
        first_batch(limited)


def test_bad_images_count_over_restarts_and_ranks(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "made", (10, 10), bad={4: b"<html>not found</html>", 15: b"\x89PNG\r\n\x1a\n"})

    def read(*rows: int, rank: int, limit: int) -> Reader:
        reader = open_reader(
            Source(corpus=corpus, rows=np.array(rows)),
            batch_size=3,
            rank=rank,
            world_size=2,
            quarantine=tmp_path / "quarantine",
            config=ReaderConfig(max_bad_images=limit),
        )
        first_batch(reader)
        return reader

    assert len(read(3, 4, 5, rank=0, limit=1).quarantine.reasons) == 1
    assert read(3, 4, 5, rank=0, limit=1).quarantine.reasons[("tiny", "00000", "tiny-0004")].startswith("format html")
    with pytest.raises(CorpusError, match="2 bad images, more than max_bad_images=1"):
        read(14, 15, 16, rank=1, limit=1)
    with pytest.raises(CorpusError, match="2 bad images"):
        read(3, 4, 5, rank=0, limit=1)  # a restart does not forget why the run stopped
    assert len(read(0, 1, 2, rank=0, limit=2).quarantine.reasons) == 2


def test_bad_images_are_an_error_in_the_evaluation_pass(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "made", (3,), bad={1: b"GIF89a"})
    with pytest.raises(CorpusError, match=r"shard 00000, image tiny-0001: .*gif"):
        list(read_images(corpus, ["tiny-0000", "tiny-0001"], TRANSFORMS, 2))
    with pytest.raises(CorpusError, match="no image 'nobody'"):
        read_images(corpus, ["tiny-0000", "nobody"], TRANSFORMS, 2)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_tar_that_changed_in_place_is_refused(tiny_corpus: Corpus, tmp_path: Path, num_workers: int) -> None:
    corpus = copy_of(tiny_corpus, tmp_path)
    offset = corpus.shard_index("00002")["offset"][5].as_py()
    with corpus.shard_path("00002").open("r+b") as stream:
        stream.seek(offset + 30)
        stream.write(b"\xa5\x5a")
    with pytest.raises(
        CorpusError, match=r"place 0 .*shard 00002, image tiny-0026: the tar changed since it was indexed"
    ):
        first_batch(open_reader(Source(corpus=corpus), num_workers=num_workers))


def test_a_tar_of_another_size_or_gone_is_refused(tiny_corpus: Corpus, tmp_path: Path) -> None:
    corpus = copy_of(tiny_corpus, tmp_path)
    with corpus.shard_path("00003").open("ab") as stream:
        stream.write(b"\0" * 512)
    with pytest.raises(CorpusError, match=r"shard 00003.*was indexed with"):
        first_batch(open_reader(Source(corpus=corpus)))
    corpus.shard_path("00003").unlink()
    with pytest.raises(CorpusError, match=r"shard 00003.*does not exist"):
        first_batch(open_reader(Source(corpus=corpus)))


def test_a_dead_worker_is_named(tiny_corpus: Corpus) -> None:
    killer = _KillingTargets("task", [], [], ["a"])
    with pytest.raises(TrainingError, match="decoding process died"):
        first_batch(open_reader(Source(corpus=tiny_corpus, targets=[killer]), num_workers=1))


class _KillingTargets(TableTargets):
    def lookup(self, shard: str, image_ids: pa.Array, rows: np.ndarray) -> dict[str, torch.Tensor]:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().lookup(shard, image_ids, rows)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"rank": 2, "world_size": 2}, "rank"),
        ({"position": -1}, "position"),
    ],
)
def test_impossible_settings_are_refused(tiny_corpus: Corpus, options: dict[str, int], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        open_reader(Source(corpus=tiny_corpus), **options)
    with pytest.raises(ConfigError, match="window"):
        OrderConfig(window=0)
