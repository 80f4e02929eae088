"""The ids of the images of a folder: their paths without extension, as a WebDataset key can hold them."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vitrail.corpus.readable_names import readable

__all__ = ["fingerprint_texts", "name_images"]

_NAME_BYTES = 90  # a ustar name holds 100, extension included
_TAIL_CHARACTERS = 16  # of a path that is too long; four bytes each at most


def name_images(source: Path, paths: Iterable[str]) -> Iterator[str]:
    """An id for each image below `source`, in their order; doubles are told apart by extension, then by a digest."""
    taken: set[bytes] = set()
    above = len(os.path.join(source, ""))
    for path in paths:
        relative = path[above:]
        image_id = _as_key(_without_suffix(relative))
        if _fingerprint(image_id) in taken:
            image_id = _as_key(relative)
        if _fingerprint(image_id) in taken or len(image_id.encode()) > _NAME_BYTES:
            digest = hashlib.sha256(os.fsencode(relative)).hexdigest()
            image_id = f"{image_id[-_TAIL_CHARACTERS:].replace('/', '_')}-{digest[:16]}"
        taken.add(_fingerprint(image_id))
        yield image_id


def _without_suffix(path: str) -> str:
    """As `Path.with_suffix("")`, ten times as fast."""
    name_at, dot_at = path.rfind("/") + 1, path.rfind(".")
    return path[:dot_at] if name_at < dot_at < len(path) - 1 else path


def _as_key(name: str) -> str:
    return readable(name).replace(".", "_")


def fingerprint_texts(texts: Iterable[str]) -> NDArray[np.uint64]:
    """8 bytes of each text, equal for equal ones."""
    return np.frombuffer(b"".join(map(_fingerprint, texts)), np.uint64)


def _fingerprint(image_id: str) -> bytes:
    """Short, for millions are kept; should two ids ever agree by chance, the second is told apart needlessly."""
    return hashlib.blake2b(image_id.encode(), digest_size=8).digest()
