"""A random sample of the images, decoded as the trainer decodes them."""

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from vitrail.corpus import Corpus
from vitrail.corpus.pixels.decode import draw_thumbnail
from vitrail.corpus.pixels.probe import probe_image
from vitrail.errors import CorpusError
from vitrail.validation.config import ValidationConfig
from vitrail.validation.profile import bucket_counts

__all__ = ["image_distributions", "sample_images"]

_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("file", "image_id", "problem", "format")]
    + [(name, pa.float64()) for name in ("width", "height", "num_bytes", "min_side", "aspect", "contrast")]
)
_SIZE = 64  # only whether pixels come out matters here


def sample_images(corpus: Corpus, index: pa.Table, config: ValidationConfig) -> pa.Table:
    """One row per sampled image: why it cannot be used (else null), size, and contrast of its pixels."""
    rng = np.random.default_rng(config.seed)
    size = min(config.sample_images, len(index))
    rows = np.sort(rng.choice(len(index), size=size, replace=False))
    entries = index.take(pa.array(rows)).to_pylist()
    return pa.Table.from_pylist([_inspect(corpus, entry) for entry in entries], schema=_SCHEMA)


def _inspect(corpus: Corpus, entry: dict[str, Any]) -> dict[str, Any]:
    row = {
        "file": f"shards/{entry['shard']}.tar",
        "image_id": entry["image_id"],
        "problem": None,
        "num_bytes": entry["size"],
    }
    try:
        data = corpus.read_bytes([entry["image_id"]])[0]
        info = probe_image(data)
        pixels = draw_thumbnail(data, _SIZE)
    except (CorpusError, OSError) as error:
        return row | {"problem": str(error).replace(f"{corpus.path}/", "")}
    if hashlib.sha256(data).hexdigest() != entry["digest"]:
        row["problem"] = "its bytes are not those that were indexed (another SHA-256)"
    elif (info.format, info.width, info.height) != (entry["format"], entry["width"], entry["height"]):
        row["problem"] = f"it is a {info.width} x {info.height} {info.format}, the index says otherwise"
    return row | {
        "format": info.format,
        "width": info.width,
        "height": info.height,
        "min_side": min(info.width, info.height),
        "aspect": max(info.width, info.height) / min(info.width, info.height),
        "contrast": round(float(pixels.std()), 6),
    }


def image_distributions(index: pa.Table) -> dict[str, Counter[str]]:
    """Longer sides and aspects of all images, from the index."""
    width, height = (index[name].to_numpy().astype(np.float64) for name in ("width", "height"))
    halves = np.round(2 * np.log2(np.maximum(width, 1) / np.maximum(height, 1))) / 2 + 0.0  # no -0
    aspects, counts = np.unique(halves, return_counts=True)
    aspect = Counter({f"2^{a:g}": int(n) for a, n in zip(aspects.tolist(), counts, strict=True)})
    formats, numbers = np.unique(index["format"].to_numpy(zero_copy_only=False).astype(str), return_counts=True)
    return {
        "image_side": bucket_counts(np.maximum(width, height)),
        "image_aspect": aspect,
        "image_format": Counter(dict(zip(formats.tolist(), numbers.tolist(), strict=True))),
    }
