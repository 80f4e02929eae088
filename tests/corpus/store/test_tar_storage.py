import functools
import http.server
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from vitrail.contracts.codec import save
from vitrail.contracts.corpus import ShardInfo
from vitrail.contracts.models import Transforms
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.pixels.augment import NONE
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.corpus.reader.image_reader import Reader, Source
from vitrail.corpus.store.object_store import CachedShards, RemoteShards, ShardCache
from vitrail.corpus.store.tar_storage import REMOTE_FILE, ShardFiles
from vitrail.errors import ConfigError, CorpusError


@pytest.fixture
def memory_url(tiny_corpus: Corpus) -> Iterator[str]:
    memory = fsspec.filesystem("memory")
    memory.put(str(tiny_corpus.path / "shards"), "/bucket/shards", recursive=True)
    yield "memory://bucket/shards"
    memory.rm("/bucket", recursive=True)


@pytest.fixture
def http_url(tiny_corpus: Corpus) -> Iterator[str]:
    handler = functools.partial(_Store, directory=str(tiny_corpus.path / "shards"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Store(http.server.SimpleHTTPRequestHandler):
    busy_answers = 0
    cut_answers = 0
    wait_s = 0.0

    def do_GET(self) -> None:
        time.sleep(self.wait_s)
        if self.busy_answers:
            type(self).busy_answers -= 1
            self.send_error(503)
        elif self.cut_answers:
            type(self).cut_answers -= 1
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b"half of")
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


def storage_of(url: str, folder: Path, **cache: object) -> CachedShards:
    return CachedShards(RemoteShards(url=url, cache=ShardCache(folder=str(folder), first_wait_s=0.0, **cache)))


def fetch(storage: CachedShards, shard: ShardInfo) -> None:
    os.close(storage.open(shard))


def cached(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.tar"))


@pytest.fixture
def remote_corpus(tiny_corpus: Corpus, http_url: str, tmp_path: Path) -> Corpus:
    """The tiny corpus without its tars, which an HTTP server holds."""
    folder = shutil.copytree(tiny_corpus.path, tmp_path / "remote", ignore=shutil.ignore_patterns("*.tar"))
    save(folder / REMOTE_FILE, RemoteShards(url=http_url))
    return open_corpus(folder)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_corpus_whose_tars_lie_in_a_store_reads_the_same(
    tiny_corpus: Corpus, remote_corpus: Corpus, num_workers: int
) -> None:
    def read(corpus: Corpus) -> list[object]:
        reader = Reader(
            [Source(corpus=corpus)],
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

    assert read(remote_corpus) == read(tiny_corpus)
    digests = {shard.digest for shard in tiny_corpus.manifest.shards}
    assert set(cached(remote_corpus.path / "cache")) == digests
    ids = tiny_corpus.index()["image_id"].to_pylist()
    assert remote_corpus.read_bytes(ids) == tiny_corpus.read_bytes(ids)


def test_the_check_of_a_corpus_asks_the_store(remote_corpus: Corpus, tiny_corpus: Corpus) -> None:
    first, *_ = tiny_corpus.manifest.shards
    for shard in tiny_corpus.manifest.shards:
        remote_corpus.storage.verify(shard)
    assert cached(remote_corpus.path / "cache") == []
    with pytest.raises(CorpusError, match=r"00000\.tar has .* bytes and was indexed with 7"):
        remote_corpus.storage.verify(ShardInfo(name="00000", num_images=20, size=7, digest=first.digest))
    with pytest.raises(CorpusError, match=r"nowhere\.tar cannot be reached"):
        remote_corpus.storage.verify(ShardInfo(name="nowhere", num_images=1, size=7, digest=first.digest))


def test_a_damaged_address_is_refused_when_the_corpus_is_opened(remote_corpus: Corpus) -> None:
    path = remote_corpus.path / REMOTE_FILE
    path.write_text('{"url": "s3://bucket", "cache": {"max_byte": 7}}')
    with pytest.raises(ConfigError, match=r"remote\.json is not a valid RemoteShards: cache\.max_byte"):
        open_corpus(remote_corpus.path)


def test_the_tars_used_longest_ago_make_room(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    shards = tiny_corpus.manifest.shards
    limit = sum(shard.size for shard in shards) - 1
    storage = storage_of(memory_url, tmp_path, max_bytes=limit)
    for age, shard in enumerate(shards[:3]):
        fetch(storage, shard)
        os.utime(tmp_path / f"{shard.digest}.tar", (age, age))
    fetch(storage, shards[0])  # used again
    fetch(storage, shards[3])
    assert shards[1].digest not in cached(tmp_path)
    assert {shards[0].digest, shards[3].digest} <= set(cached(tmp_path))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.tar")) <= limit


def test_a_tar_dropped_from_the_cache_can_be_read_on(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    first, second = tiny_corpus.manifest.shards[0], tiny_corpus.manifest.shards[2]
    storage = storage_of(memory_url, tmp_path, max_bytes=first.size)
    files = ShardFiles(storage, 4)
    start = files.read(first, 0, 100)
    fetch(storage, second)
    assert cached(tmp_path) == [second.digest]
    assert files.read(first, 0, 100) == start
    files.close()


def test_a_cache_for_one_tar_serves_many_readers_and_never_grows(
    tiny_corpus: Corpus, http_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Store, "wait_s", 0.01)  # downloads overlap
    shards = [shard for shard in tiny_corpus.manifest.shards if shard.num_images > 1]
    limit = max(shard.size for shard in shards)
    sizes, failures = [], []

    def read(turn: int) -> None:
        try:
            for shard in (*shards[turn:], *shards[:turn]):
                file = storage_of(http_url, tmp_path, max_bytes=limit).open(shard)
                assert os.fstat(file).st_size == shard.size
                os.close(file)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=read, args=(turn,)) for turn in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found = (file for pattern in ("*.partial", "*.tar") for file in _listing(tmp_path, pattern))
        sizes.append(sum({path.stem: size for _, size, path in found}.values()))  # one that is renamed just now is one
        time.sleep(0.002)
    assert not failures
    assert 0 < max(sizes) <= limit


def _listing(folder: Path, pattern: str) -> list[tuple[int, int, Path]]:
    return storage_of("memory://x", folder)._files(pattern)


def test_what_a_killed_process_left_is_removed(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    first, _, third, _ = tiny_corpus.manifest.shards
    for shard in (first, third):
        (tmp_path / f"{shard.digest}.partial").write_bytes(b"\0" * first.size)
    fetch(storage_of(memory_url, tmp_path, max_bytes=first.size), first)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [f"{first.digest}.tar"]


def test_few_tars_stay_open(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    files = ShardFiles(storage_of(memory_url, tmp_path), 2)
    before = len(os.listdir("/proc/self/fd"))
    for shard in tiny_corpus.manifest.shards:
        assert len(files.read(shard, 0, 512)) == 512
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    files.close()


def test_tars_are_fetched_ahead_when_there_is_room(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    shards = tiny_corpus.manifest.shards
    storage_of(memory_url, tmp_path / "small", max_bytes=shards[0].size).announce(shards[:1], shards[1:])
    storage_of(memory_url, tmp_path / "large").announce(shards[:1], shards[1:])
    for thread in threading.enumerate():
        if thread.name.startswith("fetch-ahead"):
            thread.join(10)
    assert len(cached(tmp_path / "large")) == len(shards)
    assert cached(tmp_path / "small") == []


def test_an_object_that_changed_is_refused_and_not_kept(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    for data in (b"something else", b"x" * 10**6):
        fsspec.filesystem("memory").pipe("/bucket/shards/00001.tar", data)
        with pytest.raises(CorpusError, match=r"memory://bucket/shards/00001\.tar .*changed since it was indexed"):
            storage_of(memory_url, tmp_path).open(tiny_corpus.manifest.shards[1])
    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_an_object_that_cannot_be_had_is_named(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere/00000\.tar cannot be read after 3 attempts"):
        storage_of(memory_url + "/nowhere", tmp_path, attempts=3).open(tiny_corpus.manifest.shards[0])
    with pytest.raises(CorpusError, match="cannot be read after 1 attempts"):
        storage_of("http://127.0.0.1:9", tmp_path, attempts=1).open(tiny_corpus.manifest.shards[0])
    with pytest.raises(CorpusError, match="Protocol not known: carrier-pigeon"):
        storage_of("carrier-pigeon://loft", tmp_path)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_the_reader_names_shard_and_image_of_an_unreachable_object(
    tiny_corpus: Corpus, tmp_path: Path, num_workers: int
) -> None:
    storage = storage_of("http://127.0.0.1:9/bucket", tmp_path, attempts=2)
    source = Source(corpus=Corpus(tiny_corpus.path, tiny_corpus.manifest, storage))
    reader = Reader(
        [source], transforms=Transforms(image_size=8), augmentation=NONE, batch_size=4, num_workers=num_workers
    )
    pattern = r"place 0 .*shard 0000\d, image tiny-\d+: http://127.0.0.1:9/bucket/0000\d.tar cannot be read after 2"
    with pytest.raises(CorpusError, match=pattern):
        next(iter(reader))


@pytest.mark.parametrize("fault", ["busy_answers", "cut_answers"])
def test_a_store_that_fails_for_a_while_is_asked_again(
    tiny_corpus: Corpus, http_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(_Store, fault, 2)
    shard = tiny_corpus.manifest.shards[0]
    fetch(storage_of(http_url, tmp_path), shard)
    assert getattr(_Store, fault) == 0
    assert cached(tmp_path) == [shard.digest]


def test_a_tar_larger_than_the_cache_is_refused(tiny_corpus: Corpus, memory_url: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="more room"):
        storage_of(memory_url, tmp_path, max_bytes=10).open(tiny_corpus.manifest.shards[0])
