"""Builds a corpus by name or from what a user has; the folder appears whole or not at all."""

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.files import atomic_folder
from vitrail.corpus.emoji import build_emoji, build_emoji_mini
from vitrail.errors import CorpusError

__all__ = ["build_corpus"]

_LOGGER = logging.getLogger(__name__)
_BUILDERS: dict[str, Callable[[Path], CorpusManifest]] = {
    "emoji": build_emoji,
    "emoji-mini": build_emoji_mini,
}


def build_corpus(source: str, out: Path) -> CorpusManifest:
    """Builds a corpus into the folder `out`, replacing what is there once the new one is complete.

    Args:
        source: `emoji`, `emoji-mini`.
        out: The corpus folder. A killed build leaves a hidden folder beside it, which the next build removes.

    Raises:
        CorpusError: The source is unknown or cannot be made into a corpus.
        OSError: The disk is full or `out` cannot be written; the message says so and nothing is left behind.
    """
    out = Path(out)
    builder = _BUILDERS.get(source)
    if builder is None:
        raise CorpusError(f"{source!r} is not a corpus: give one of {', '.join(_BUILDERS)}")
    try:
        with _alone(out), atomic_folder(out) as folder:
            manifest = builder(folder)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{error.strerror or error}: corpus {source!r} was not built and {out} is as before; "
            "free space or choose another folder, and build again",
            error.filename or str(out),
        ) from error
    _LOGGER.info("corpus %s: %d images, %d texts", manifest.name, manifest.num_images, manifest.num_signals)
    return manifest


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Waits for other builds beside `out`, then removes what a killed one left behind."""
    out.parent.mkdir(parents=True, exist_ok=True)
    parent = os.open(out.parent, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        for stale in out.parent.glob(f".{out.name}.partial-*"):
            shutil.rmtree(stale, ignore_errors=True)
        yield
    finally:
        os.close(parent)
