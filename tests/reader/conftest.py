"""Small corpora written tar by tar, for the reader's tests."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from vitrail.contracts.codec import save
from vitrail.contracts.corpus import INDEX_SCHEMA, CorpusManifest, ShardInfo
from vitrail.contracts.files import digest_file, digest_json
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.store.tables import table_of, write_table

FORMATS = ("png", "jpeg", "webp")
MakeCorpus = Callable[..., Corpus]


def encode_picture(number: int, kind: str) -> bytes:
    pixels = np.full((8, 8, 3), number % 251, dtype=np.uint8)
    pixels[:4, :, 1] = 255 - number % 199
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **({} if kind == "png" else {"quality": 90}))
    return stream.getvalue()


def write_shard(folder: Path, name: str, pictures: Sequence[tuple[str, str, bytes]]) -> ShardInfo:
    tar_path = folder / "shards" / f"{name}.tar"
    tar_path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tar_path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for key, kind, data in pictures:
            info = tarfile.TarInfo(f"{key}.{kind}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with tarfile.open(tar_path) as tar:
        offsets = [info.offset_data for info in tar]
    rows = [
        {
            "image_id": key,
            "offset": offset,
            "size": len(data),
            "format": kind,
            "width": 8,
            "height": 8,
            "digest": hashlib.sha256(data).hexdigest(),
        }
        for (key, kind, data), offset in zip(pictures, offsets, strict=True)
    ]
    write_table(folder / "index" / f"{name}.parquet", table_of(rows, INDEX_SCHEMA), INDEX_SCHEMA)
    size = tar_path.stat().st_size
    return ShardInfo(name=name, num_images=len(pictures), size=size, digest=digest_file(tar_path))


def write_corpus(folder: Path, shards: Sequence[ShardInfo], name: str = "tiny") -> Corpus:
    manifest = CorpusManifest(
        name=name,
        title=name,
        description="squares",
        licences=("CC0-1.0",),
        shards=tuple(shards),
        tasks=(),
        num_images=sum(shard.num_images for shard in shards),
        num_signals=0,
        num_quarantined=0,
        digest=digest_json([name, [shard.digest for shard in shards]]),
    )
    save(folder / "corpus.json", manifest)
    return Corpus(folder, manifest)


@pytest.fixture(scope="session")
def make_corpus(tmp_path_factory: pytest.TempPathFactory) -> MakeCorpus:
    """Writes a corpus with shards of the given sizes; `bad` maps global rows to other bytes."""

    def make(sizes: Sequence[int], *, name: str = "tiny", bad: dict[int, bytes] | None = None) -> Corpus:
        folder = tmp_path_factory.mktemp(name)
        shards, start = [], 0
        for number, size in enumerate(sizes):
            pictures = []
            for row in range(start, start + size):
                kind = FORMATS[row % len(FORMATS)]
                data = (bad or {}).get(row) or encode_picture(row, kind)
                pictures.append((f"{name}-{row:04d}", kind, data))
            shards.append(write_shard(folder, f"{number:05d}", pictures))
            start += size
        return write_corpus(folder, shards, name)

    return make


@pytest.fixture(scope="session")
def tiny_corpus(make_corpus: MakeCorpus) -> Corpus:
    """53 pictures in four shards, one of them with a single picture. Read only."""
    return make_corpus((20, 1, 19, 13))


@pytest.fixture(scope="session")
def other_corpus(make_corpus: MakeCorpus) -> Corpus:
    """17 pictures in two shards. Read only."""
    return make_corpus((9, 8), name="other")


def label_table(image_ids: Sequence[str], labels: Sequence[str]) -> pa.Table:
    return pa.table({"image_id": list(image_ids), "label": list(labels)})
