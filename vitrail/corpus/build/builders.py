"""Builds a corpus by name or from what a user has; the folder appears whole or not at all."""

import contextlib
import errno
import fcntl
import functools
import importlib
import logging
import os
import pkgutil
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

from vitrail.contracts.corpus import QUARANTINE_FILE, UNUSED_FILE, CorpusManifest
from vitrail.contracts.files import atomic_folder, digest_json
from vitrail.corpus.build import sources
from vitrail.corpus.build.folder_files import find_files
from vitrail.corpus.build.source import FolderLayout, NamedCorpus, Workplace
from vitrail.corpus.readable_names import UNSHOWN, readable
from vitrail.errors import CorpusError

__all__ = ["build_corpus", "corpus_names"]

_LOGGER = logging.getLogger(__name__)
_OF_THE_FOLDER = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
}  # another folder mends them


def build_corpus(
    source: str, out: Path, *, name: str | None = None, cache: Path | None = None, is_trusted: bool = False
) -> CorpusManifest:
    """Builds a corpus into the folder `out`, replacing what is there once the new one is complete.

    A build that was killed leaves hidden folders beside `out`; the next build of the same goes on from there, and
    any other removes them.

    Args:
        source: One of `corpus_names`, a folder of WebDataset / img2dataset tars, or a folder of images.
        out: The corpus folder.
        name: The corpus's name, for a user's folder; by default the folder's.
        cache: Where downloaded packages are kept; by default `downloads` beside `out`.
        is_trusted: Of a folder: only headers are read, nothing is decoded, and of images that look alike only those
            with equal bytes are found. The reader leaves out what it cannot decode.

    Raises:
        CorpusError: The source is unknown or cannot be made into a corpus, or `out` holds something else.
        OSError: The disk is full or `out` cannot be written; the message says so and nothing is left behind.
    """
    out = Path(out)
    _require_replaceable(out)
    workplace = Workplace(folder=_work_folder(out, source, is_trusted), is_trusted=is_trusted)
    builder = _builder(source, name, cache or out.parent / "downloads", workplace)
    try:
        with _alone(out, workplace.folder), atomic_folder(out) as folder:
            manifest = builder(folder)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{error.strerror or error}: corpus {source!r} was not built and {out} is as before; "
            f"{_remedy(error)}, and build again",
            error.filename or str(out),
        ) from error
    _LOGGER.info("corpus %s: %s", manifest.name, _account(out, manifest))
    return manifest


def _remedy(error: OSError) -> str:
    if error.errno in _OF_THE_FOLDER:
        return "free space or choose another folder"
    return "make sure that this path can be read and written"


def _account(corpus: Path, manifest: CorpusManifest) -> str:
    """How much of a source was used, and where the rest is listed."""
    unused = corpus / UNUSED_FILE
    num_unused = pq.read_metadata(unused).num_rows if unused.is_file() else 0
    return (
        f"{manifest.num_images:,} images, {manifest.num_signals:,} texts; "
        f"{manifest.num_quarantined:,} in quarantine ({QUARANTINE_FILE}), {num_unused:,} unused ({UNUSED_FILE})"
    )


def corpus_names() -> tuple[str, ...]:
    """The corpora that have a name, sorted."""
    return tuple(sorted(_named_corpora()))


def _builder(
    source: str, name: str | None, cache: Path, workplace: Workplace
) -> Callable[[Path], CorpusManifest]:  # fmt: skip
    named = _named_corpora()
    if source in named and workplace.is_trusted:
        raise CorpusError(f"{source!r} is built from its packages; only a folder of yours can be trusted: leave it out")
    if source in named:
        return lambda folder: named[source].build(folder, cache)
    path = Path(source)
    if not source or not path.is_dir():
        raise CorpusError(
            f"{source!r} is neither a corpus ({', '.join(corpus_names())}) nor a folder of tars or images"
        )
    title = name or readable(path.resolve().name)
    files = find_files(path)
    layouts = sorted((found for found in _sources() if isinstance(found, FolderLayout)), key=lambda found: found.rank)
    layout = next(layout for layout in layouts if layout.recognises(files))
    return lambda folder: layout.build(files, folder, title, workplace)


def _named_corpora() -> dict[str, NamedCorpus]:
    return {found.name: found for found in _sources() if isinstance(found, NamedCorpus)}


@functools.cache
def _sources() -> tuple[NamedCorpus | FolderLayout, ...]:
    """What the modules of `sources` declare, each as a tuple SOURCES: a source more is a file more."""
    names = sorted(module.name for module in pkgutil.iter_modules(sources.__path__))
    modules = [importlib.import_module(f"{sources.__name__}.{name}") for name in names]
    return tuple(found for module in modules for found in module.SOURCES)


def _require_replaceable(out: Path) -> None:
    if UNSHOWN.search(str(out)):
        raise CorpusError(
            f"{readable(str(out))}: a corpus cannot lie in a folder whose name is not UTF-8; choose another"
        )
    is_free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    if not (is_free or (out / CorpusManifest.FILE).is_file()):
        raise CorpusError(f"{out} exists and is not a corpus; nothing in it was touched: choose another folder")


def _work_folder(out: Path, source: str, is_trusted: bool) -> Path:
    made_from = digest_json([os.fsencode(Path(source).resolve()).hex(), is_trusted])
    return out.with_name(f".{out.name}.work-{made_from[:12]}")


@contextlib.contextmanager
def _alone(out: Path, work: Path) -> Iterator[None]:
    """Waits for other builds beside `out`, then removes what a killed one left, apart from `work`.

    `work` goes too when the build ends, unless it is killed or interrupted.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    parent = os.open(out.parent, os.O_RDONLY)
    try:
        fcntl.flock(parent, fcntl.LOCK_EX)
        for stale in (*out.parent.glob(f".{out.name}.partial-*"), *out.parent.glob(f".{out.name}.work-*")):
            if stale != work:
                shutil.rmtree(stale, ignore_errors=True)
        yield
        shutil.rmtree(work, ignore_errors=True)
    except Exception:
        shutil.rmtree(work, ignore_errors=True)
        raise
    finally:
        os.close(parent)
