"""From what a user names - a corpus, a folder, a git revision - to a verified corpus on disk."""

from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.files import digest_json
from vitrail.corpus.build.builders import build_corpus, corpus_names
from vitrail.corpus.build.folder_files import walk_files
from vitrail.corpus.check import check_corpus
from vitrail.corpus.versions.dvc import POINTER, TRACKED_CORPORA, checkout_corpus, git_head
from vitrail.errors import CorpusError

__all__ = ["ResolvedCorpus", "resolve_corpus"]

_FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class ResolvedCorpus:
    """A corpus on disk, verified, and the versions it came from (None where there is no git or DVC)."""

    path: Path
    manifest: CorpusManifest
    git_revision: str | None
    dvc_digest: str | None


def resolve_corpus(corpus: str, *, repository: Path, revision: str | None = None, cache: Path) -> ResolvedCorpus:
    """Finds, fetches or builds a corpus and verifies it.

    Args:
        corpus: `emoji` (tracked by DVC in `repository`), another corpus by name, a corpus folder, or a folder
            of tars or images.
        repository: Holds `data.dvc`. Without that file, or without git, `emoji` is built like any other.
        revision: A git revision of `data.dvc`, for tracked corpora.
        cache: Where corpora that are not tracked are built; they are taken from there the next time. A user's
            folder is built again when a file in it has another size or time.

    Raises:
        CorpusError: The corpus cannot be found, fetched or built, or it is damaged.
    """
    head = git_head(repository)
    if corpus in TRACKED_CORPORA and (repository / POINTER).is_file() and head is not None:
        tracked = checkout_corpus(repository, corpus, revision=revision, cache=cache)
        return ResolvedCorpus(
            path=tracked.path,
            manifest=check_corpus(tracked.path),
            git_revision=tracked.git_revision,
            dvc_digest=tracked.dvc_digest,
        )
    if revision:
        raise CorpusError(_no_revision(corpus, repository.resolve(), revision))
    path = _folder_of(corpus, cache)
    return ResolvedCorpus(path=path, manifest=check_corpus(path), git_revision=head, dvc_digest=None)


def _no_revision(corpus: str, repository: Path, revision: str) -> str:
    if corpus not in TRACKED_CORPORA:
        return f"{corpus!r} is not tracked by {repository / POINTER}: it has no revision {revision!r}"
    return (
        f"revision {revision!r} of {corpus!r} cannot be checked out: {repository} is not a git clone with a {POINTER}; "
        "name one with --repository (on a cluster: a clone on the shared volume)"
    )


def _folder_of(corpus: str, cache: Path) -> Path:
    source = Path(corpus)
    if corpus in corpus_names():
        path = cache / corpus
    elif not source.is_dir():
        raise CorpusError(
            f"{corpus!r} is neither a corpus ({', '.join(corpus_names())}) nor a folder of tars, images or a corpus"
        )
    elif (source / CorpusManifest.FILE).is_file():
        return source
    else:
        path = cache / f"{source.resolve().name}-{_fingerprint(source)}"
    if not (path / CorpusManifest.FILE).is_file():
        build_corpus(corpus, path, name=None if corpus in corpus_names() else source.resolve().name)
    return path


def _fingerprint(folder: Path) -> str:
    stats = ((path, path.stat()) for path, problem in sorted(walk_files(folder)) if problem is None)
    files = [[path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns] for path, stat in stats]
    return digest_json([str(folder.resolve()), files])[:_FINGERPRINT_DIGITS]
