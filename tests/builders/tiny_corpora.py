"""Corpora of a few tiny pictures, written tar by tar."""

import hashlib
import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vitrail.contracts.codec import save
from vitrail.contracts.corpus import INDEX_SCHEMA, CorpusManifest, ShardInfo
from vitrail.contracts.files import digest_file, digest_json
from vitrail.corpus.corpus import Corpus
from vitrail.corpus.store.tables import table_of, write_table

__all__ = ["make_corpus"]

_FORMATS = ("png", "jpeg", "webp")


def _encode(number: int, kind: str) -> bytes:
    pixels = np.full((8, 8, 3), number % 251, dtype=np.uint8)
    pixels[:4, :, 1] = 255 - number % 199
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **({} if kind == "png" else {"quality": 90}))
    return stream.getvalue()


def _write_shard(folder: Path, name: str, pictures: Sequence[tuple[str, str, bytes]]) -> ShardInfo:
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


def _write_corpus(folder: Path, shards: Sequence[ShardInfo], name: str) -> Corpus:
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


def make_corpus(
    folder: Path, sizes: Sequence[int], *, name: str = "tiny", bad: dict[int, bytes] | None = None
) -> Corpus:
    """Writes a corpus with shards of the given sizes; `bad` maps global rows to other bytes."""
    shards, start = [], 0
    for number, size in enumerate(sizes):
        pictures = []
        for row in range(start, start + size):
            kind = _FORMATS[row % len(_FORMATS)]
            data = (bad or {}).get(row) or _encode(row, kind)
            pictures.append((f"{name}-{row:04d}", kind, data))
        shards.append(_write_shard(folder, f"{number:05d}", pictures))
        start += size
    return _write_corpus(folder, shards, name)
