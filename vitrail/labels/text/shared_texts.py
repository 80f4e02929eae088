"""How much a text is its picture's own.

A text that a thousand pictures share, the title of their theme or the folder they lie in, says what they have in
common; what sets one apart stands in texts that few have. So a text counts by the information there is in having it,
-log(share of the pictures that have it), over that of a text which one picture alone has.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from vitrail.contracts.files import atomic_file

__all__ = ["SharedTexts", "count_shared_texts", "load_shared_texts", "save_shared_texts"]

_SEED = 2108_05887
_LEAST = 0.15  # so that a word of three in the name of a class on many pictures is a label still, after all others


@dataclass(frozen=True, kw_only=True)
class SharedTexts:
    """The K texts that several pictures have; those that differ in their numbers only are one."""

    hashes: np.ndarray  # uint64 [K] ascending
    ownness: np.ndarray  # float32 [K] in (0, 1)

    def find(self, texts: pa.Array) -> np.ndarray:
        """float32 [B]: how much each text (null counts as empty) is its picture's own, 1 when no other has it."""
        if not len(self.hashes):
            return np.ones(len(texts), dtype=np.float32)
        wanted = _hash(texts)
        slot = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return np.where(self.hashes[slot] == wanted, self.ownness[slot], np.float32(1))


def count_shared_texts(texts: pa.Array, images: np.ndarray) -> SharedTexts:
    """Counts texts in distinct pictures.

    Args:
        texts: String array [B].
        images: int64 [B] picture that each describes, numbered from 0.
    """
    hashes, text = np.unique(_hash(texts), return_inverse=True)
    num_texts_images = np.unique(text.astype(np.int64) << 32 | images) >> 32
    num_images = np.bincount(num_texts_images, minlength=len(hashes))
    is_shared = num_images > 1
    total = int(images.max(initial=-1)) + 1
    ownness = np.maximum(1 - np.log(num_images[is_shared]) / np.log(max(total, 2)), _LEAST)
    return SharedTexts(hashes=hashes[is_shared], ownness=ownness.round(4).astype(np.float32))


def save_shared_texts(texts: SharedTexts, path: Path) -> None:
    """Writes both arrays; the file appears whole."""
    with atomic_file(path) as partial, partial.open("wb") as stream:
        np.savez(stream, hashes=texts.hashes, ownness=texts.ownness)


def load_shared_texts(path: Path) -> SharedTexts:
    """Reads what `save_shared_texts` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return SharedTexts(hashes=arrays["hashes"], ownness=arrays["ownness"])


def _hash(texts: pa.Array) -> np.ndarray:
    series = pl.Series(pl.from_arrow(texts), dtype=pl.String).fill_null("")
    return series.str.replace_all("[0-9]+", "").hash(_SEED).to_numpy()
