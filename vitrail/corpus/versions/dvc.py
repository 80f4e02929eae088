"""Versions of the tracked data: DVC behind a thin interface.

`data.dvc` tracks `data/`, which holds the corpora that are built from pinned packages. DVC is run as a
program, as its users run it. Besides DVC's own digest of the folder, `data.dvc` lists the MD5 of every file
under `meta` (see `track_data`), so that a rebuild that comes out different can say which files differ even
when no remote has the expected ones.
"""

import hashlib
import json
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrail.contracts.files import atomic_folder
from vitrail.corpus.build.builders import build_corpus
from vitrail.errors import CorpusError

__all__ = [
    "POINTER",
    "TRACKED_CORPORA",
    "TrackedCorpus",
    "checkout_corpus",
    "dvc_digest",
    "git_head",
    "restore_data",
    "track_data",
]

TRACKED_CORPORA = ("emoji",)

_LOGGER = logging.getLogger(__name__)
POINTER = "data.dvc"
_DATA = "data"
_NOT_PUSHED = "Some of the cache files do not exist"  # how `dvc pull` says that the remote lacks the data
_NAMED_FILES = 8  # how many differing files an error names


@dataclass(frozen=True, kw_only=True)
class TrackedCorpus:
    """A corpus on disk and the versions it came from."""

    path: Path
    dvc_digest: str
    git_revision: str


def dvc_digest(repository: Path, revision: str | None = None) -> str:
    """DVC's digest of `data/` in the work tree, or as of a git revision.

    Raises:
        CorpusError: There is no such revision, or `data.dvc` is missing or unreadable in it.
    """
    return str(_output(_pointer(repository, revision))["md5"])


def checkout_corpus(repository: Path, corpus: str, *, revision: str | None = None, cache: Path) -> TrackedCorpus:
    """Puts a tracked corpus on disk as `data.dvc` has it in the work tree or in a git revision.

    Only what is missing is fetched. Data other than that of the work tree goes to `cache/<digest>/<corpus>`,
    so that the work tree stays as it is.

    Raises:
        CorpusError: The corpus is not tracked, or its data can neither be pulled nor rebuilt.
    """
    if corpus not in TRACKED_CORPORA:
        raise CorpusError(
            f"{corpus!r} is not tracked in {_DATA}/ (tracked: {', '.join(TRACKED_CORPORA)}); build it with "
            f"`vitrail corpus build {corpus} --out DIR`"
        )
    commit = _git(repository, "rev-parse", "--verify", f"{revision or 'HEAD'}^{{commit}}").strip()
    digest = dvc_digest(repository, revision)
    if digest == dvc_digest(repository):
        restore_data(repository)
        return TrackedCorpus(path=repository / _DATA / corpus, dvc_digest=digest, git_revision=commit)
    target = cache / digest.removesuffix(".dir") / corpus
    if not target.exists():
        with atomic_folder(target.parent.resolve()) as folder:
            place, source = str(folder / corpus), f"{_DATA}/{corpus}"
            _dvc(repository, "get", "--quiet", "--rev", commit, "--out", place, ".", source)
    return TrackedCorpus(path=target, dvc_digest=digest, git_revision=commit)


def restore_data(repository: Path) -> str:
    """Makes `data/` what `data.dvc` says: it is there already, or pulled, or rebuilt from the packages.

    A rebuild is compared with `data.dvc` by DVC, then pushed to the default remote, from where the next pull
    takes it.

    Returns:
        DVC's digest of `data/`.

    Raises:
        CorpusError: `data/` holds other files, or the rebuild differs; the message names the files.
    """
    wanted = dvc_digest(repository)
    if _dvc(repository, "status", "--json", POINTER).strip() == "{}":
        return wanted
    expected = _listed_files(repository, wanted)
    _require_nothing_to_lose(repository, expected)
    try:
        _dvc(repository, "pull", POINTER)
    except CorpusError as error:
        reason = "no remote holds it yet" if _NOT_PUSHED in str(error) else error
        _LOGGER.info("building %s from its packages: %s", _DATA, reason)
        _rebuild(repository, wanted, expected)
    return wanted


def _require_nothing_to_lose(repository: Path, expected: dict[str, str]) -> None:
    found = _digest_files(repository / _DATA)
    own = [name for name, digest in found.items() if expected.get(name) != digest]
    if own:
        raise CorpusError(
            f"{repository / _DATA} is not what {POINTER} says: {_name(own)} would be lost; keep the files "
            f"with `dvc add {_DATA}` and a commit of {POINTER}, or drop them with `rm -r {_DATA}`"
        )


def track_data(repository: Path) -> str:
    """Records `data/` as it is now in `data.dvc`, with the list of its files.

    Returns:
        DVC's digest of `data/`, to be committed with `data.dvc`.
    """
    _dvc(repository, "add", "--quiet", _DATA)
    document = _pointer(repository, None)
    document["meta"] = {"files": _digest_files(repository / _DATA)}
    with (repository / POINTER).open("w", encoding="utf-8") as stream:
        _yaml().dump(document, stream)
    return dvc_digest(repository)


def _rebuild(repository: Path, wanted: str, expected: dict[str, str]) -> None:
    data, rebuilt = repository / _DATA, repository / ".dvc" / "tmp" / "rebuilt"
    shutil.rmtree(rebuilt, ignore_errors=True)
    for corpus in TRACKED_CORPORA:
        build_corpus(corpus, rebuilt / corpus)
    found = _digest_files(rebuilt)
    if expected and found != expected:
        raise CorpusError(_mismatch(rebuilt, found, expected))
    shutil.rmtree(data, ignore_errors=True)
    rebuilt.replace(data)
    pointer = (repository / POINTER).read_bytes()
    _dvc(repository, "commit", "--quiet", "--force", POINTER)
    measured = dvc_digest(repository)
    (repository / POINTER).write_bytes(pointer)
    if measured != wanted:
        data.replace(rebuilt)
        raise CorpusError(_mismatch(rebuilt, found, expected))
    try:
        _dvc(repository, "push", "--quiet", POINTER)
    except CorpusError as error:
        _LOGGER.warning("the rebuilt data could not be pushed, the next clone builds it again: %s", error)


def _mismatch(rebuilt: Path, found: dict[str, str], expected: dict[str, str]) -> str:
    changed = sorted(name for name in found.keys() & expected.keys() if found[name] != expected[name])
    parts = [
        f"{what} {_name(names)}"
        for what, names in (
            ("different:", changed),
            ("missing:", sorted(expected.keys() - found.keys())),
            ("new:", sorted(found.keys() - expected.keys())),
        )
        if names and expected
    ]
    return (
        f"the data rebuilt from the packages is not what {POINTER} says: "
        f"{'; '.join(parts) or 'the total digest differs'}. Compare {rebuilt}. Install the pinned packages "
        "(`make install`); when the builder was changed on purpose, move it to data/ and run `dvc add data`"
    )


def _name(names: list[str]) -> str:
    more = len(names) - _NAMED_FILES
    return ", ".join(names[:_NAMED_FILES]) + (f" and {more} more" if more > 0 else "")


def _digest_files(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _md5(path) for path in files}


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _listed_files(repository: Path, wanted: str) -> dict[str, str]:
    """The files behind `data.dvc`, or nothing when the list is out of date (after a plain `dvc add`)."""
    files = (_pointer(repository, None).get("meta") or {}).get("files", {})
    listed = {str(name): str(digest) for name, digest in files.items()}
    return listed if _digest_tree(listed) == wanted else {}


def _digest_tree(files: dict[str, str]) -> str:
    """DVC's digest of a folder: MD5 over the JSON list of its files in path order."""
    entries = [{"md5": files[name], "relpath": name} for name in sorted(files, key=lambda name: name.split("/"))]
    text = json.dumps(entries, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _pointer(repository: Path, revision: str | None) -> Any:
    if revision is not None:
        text = _git(repository, "show", f"{revision}:{POINTER}")
    elif (repository / POINTER).is_file():
        text = (repository / POINTER).read_text(encoding="utf-8")
    else:
        raise CorpusError(f"{repository / POINTER} is missing; restore it with `git checkout -- {POINTER}`")
    document = _yaml().load(text)
    _output(document)
    return document


def _output(document: Any) -> Any:
    try:
        (output,) = document["outs"]
        output["md5"]
    except (TypeError, KeyError, ValueError) as error:
        raise CorpusError(
            f"{POINTER} does not track one folder (merge conflict?); `git checkout -- {POINTER}` restores it"
        ) from error
    return output


def _yaml() -> Any:
    from ruamel.yaml import YAML  # comes with dvc

    yaml = YAML()
    yaml.width = 4096
    return yaml


def git_head(repository: Path) -> str | None:
    """The commit checked out in `repository`, or None when it is not under git."""
    try:
        return _git(repository, "rev-parse", "HEAD").strip()
    except CorpusError:
        return None


def _git(repository: Path, *arguments: str) -> str:
    return _run(repository, "git", *arguments)


def _dvc(repository: Path, *arguments: str) -> str:
    return _run(repository, sys.executable, "-m", "dvc", *arguments)


def _run(repository: Path, *command: str) -> str:
    shown = " ".join(command).replace(f"{sys.executable} -m ", "")
    try:
        done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    except OSError as error:  # no such folder, or no such program
        raise CorpusError(f"`{shown}` cannot be started in {repository.resolve()}: {error}") from error
    if done.returncode:
        said = " ".join((done.stderr.strip() or done.stdout.strip()).split())
        raise CorpusError(f"`{shown}` failed in {repository.resolve()}: {said}")
    return done.stdout
