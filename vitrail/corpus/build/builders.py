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
from vitrail.corpus.build.sources.emoji import build_emoji, build_emoji_mini
from vitrail.corpus.build.sources.image_folder import build_folder
from vitrail.corpus.build.sources.openclipart import build_openclipart
from vitrail.corpus.build.sources.webdataset import build_webdataset
from vitrail.corpus.readable_names import readable
from vitrail.errors import CorpusError

__all__ = ["CORPORA", "build_corpus"]

CORPORA = ("emoji", "emoji-mini", "openclipart")

_LOGGER = logging.getLogger(__name__)


def build_corpus(source: str, out: Path, *, name: str | None = None, cache: Path | None = None) -> CorpusManifest:
    """Builds a corpus into the folder `out`, replacing what is there once the new one is complete.

    Args:
        source: One of CORPORA, a folder of WebDataset / img2dataset tars, or a folder of images.
        out: The corpus folder. A killed build leaves a hidden folder beside it, which the next build removes.
        name: The corpus's name, for a user's folder; by default the folder's.
        cache: Where downloaded packages are kept; by default `downloads` beside `out`.

    Raises:
        CorpusError: The source is unknown or cannot be made into a corpus, or `out` holds something else.
        OSError: The disk is full or `out` cannot be written; the message says so and nothing is left behind.
    """
    out = Path(out)
    _require_replaceable(out)
    builder = _builder(source, name, cache or out.parent / "downloads")
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


def _builder(source: str, name: str | None, cache: Path) -> Callable[[Path], CorpusManifest]:
    if source == "emoji":
        return build_emoji
    if source == "emoji-mini":
        return build_emoji_mini
    if source == "openclipart":
        return lambda folder: build_openclipart(folder, cache)
    path = Path(source)
    if not path.is_dir():
        raise CorpusError(f"{source!r} is neither a corpus ({', '.join(CORPORA)}) nor a folder of tars or images")
    title = readable(name or path.resolve().name)
    build = build_webdataset if any(path.glob("*.tar")) else build_folder
    return lambda folder: build(path, folder, title)


def _require_replaceable(out: Path) -> None:
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not (is_free or (out / CorpusManifest.FILE).is_file()):
        raise CorpusError(f"{out} exists and is not a corpus; nothing in it was touched: choose another folder")


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
