import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from vitrail.contracts.models import Transforms
from vitrail.corpus.augment import NONE
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.reader import Reader, Source
from vitrail.corpus.reading import OrderConfig, ReaderConfig
from vitrail.corpus.storage import CachedShards, ShardCache, ShardFiles
from vitrail.errors import CorpusError


@pytest.fixture
def memory_url(tiny_corpus: Corpus) -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    memory.put(str(tiny_corpus.path / "shards"), "/bucket/shards", recursive=True)
    yield "memory://bucket/shards"
    memory.rm("/bucket", recursive=True)


@pytest.fixture
def http_url(tiny_corpus: Corpus) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(tiny_corpus.path / "shards"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    busy_answers = 0

    def do_GET(self) -> None:
        if self.busy_answers:
            type(self).busy_answers -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


def cache_of(folder: Path, **options: object) -> ShardCache:
    return ShardCache(folder=str(folder), first_wait_s=0.0, **options)


def cached(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.tar"))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_images_come_through_the_cache(tiny_corpus: Corpus, http_url: str, tmp_path: Path, num_workers: int) -> None:
    def read(source: Source) -> list[object]:
        reader = Reader(
            [source],
            transforms=Transforms(image_size=8),
            augmentation=NONE,
            batch_size=11,
            num_workers=num_workers,
            config=ReaderConfig(order=OrderConfig(window=10, shards_per_group=2)),
        )
        batches = iter(reader)
        taken = [next(batches) for _ in range(6)]
        batches.close()
        return [(batch.image_ids, batch.images.tolist()) for batch in taken]

    remote = Source(corpus=tiny_corpus, storage=CachedShards(http_url, cache_of(tmp_path)))
    assert read(remote) == read(Source(corpus=tiny_corpus))
    assert set(cached(tmp_path)) == {shard.digest for shard in tiny_corpus.manifest.shards}


def test_the_tars_used_longest_ago_make_room(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    shards = tiny_corpus.manifest.shards
    limit = sum(shard.size for shard in shards) - 1
    storage = CachedShards(memory_url, cache_of(tmp_path, max_bytes=limit))
    for age, shard in enumerate(shards[:3]):
        os.utime(storage.locate(shard), (age, age))
    storage.locate(shards[0])  # used again
    storage.locate(shards[3])
    assert shards[1].digest not in cached(tmp_path)
    assert {shards[0].digest, shards[3].digest} <= set(cached(tmp_path))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.tar")) <= limit


def test_a_tar_dropped_from_the_cache_can_be_read_on(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    first, second = tiny_corpus.manifest.shards[0], tiny_corpus.manifest.shards[2]
    storage = CachedShards(memory_url, cache_of(tmp_path, max_bytes=first.size))
    files = ShardFiles(storage, 4)
    start = files.read(first, 0, 100)
    storage.locate(second)
    assert cached(tmp_path) == [second.digest]
    assert files.read(first, 0, 100) == start
    files.close()


def test_few_tars_stay_open(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    files = ShardFiles(CachedShards(memory_url, cache_of(tmp_path)), 2)
    before = len(os.listdir("/proc/self/fd"))
    for shard in tiny_corpus.manifest.shards:
        assert len(files.read(shard, 0, 512)) == 512
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    files.close()


def test_tars_are_fetched_ahead_when_there_is_room(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    shards = tiny_corpus.manifest.shards
    CachedShards(memory_url, cache_of(tmp_path / "small", max_bytes=shards[0].size)).announce(shards[:1], shards[1:])
    CachedShards(memory_url, cache_of(tmp_path / "large")).announce(shards[:1], shards[1:])
    for thread in threading.enumerate():
        if thread.name.startswith("fetch-ahead"):
            thread.join(10)
    assert len(cached(tmp_path / "large")) == len(shards)
    assert cached(tmp_path / "small") == []


def test_an_object_that_changed_is_refused_and_not_kept(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/bucket/shards/00001.tar", b"something else")
    with pytest.raises(CorpusError, match=r"memory://bucket/shards/00001\.tar .* is not what was indexed"):
        CachedShards(memory_url, cache_of(tmp_path)).locate(tiny_corpus.manifest.shards[1])
    assert cached(tmp_path) == []


def test_an_object_that_cannot_be_had_is_named(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    storage = CachedShards(memory_url + "/nowhere", cache_of(tmp_path, attempts=3))
    with pytest.raises(CorpusError, match=r"nowhere/00000\.tar cannot be read after 3 attempts"):
        storage.locate(tiny_corpus.manifest.shards[0])
    shutil.rmtree(tmp_path)
    unreachable = CachedShards("http://127.0.0.1:9", cache_of(tmp_path, attempts=1))
    with pytest.raises(CorpusError, match="cannot be read after 1 attempts"):
        unreachable.locate(tiny_corpus.manifest.shards[0])


def test_a_busy_store_is_asked_again(
    tiny_corpus: Corpus, http_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Quiet, "busy_answers", 2)
    shard = tiny_corpus.manifest.shards[0]
    assert CachedShards(http_url, cache_of(tmp_path)).locate(shard).stat().st_size == shard.size


def test_a_tar_larger_than_the_cache_is_refused(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="more room"):
        CachedShards(memory_url, cache_of(tmp_path, max_bytes=10)).locate(tiny_corpus.manifest.shards[0])
