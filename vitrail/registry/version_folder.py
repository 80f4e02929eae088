"""A version's artifact folder: its layout, and the digests that bind it.

digests.json      relative path to SHA-256, every other file
README.md         model card
recipe.json verdict.json
model/ index/ evaluation/ training/ features/ validation/ labels/
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.files import digest_file, digest_json, read_json, write_json
from vitrail.errors import RegistryError

__all__ = ["DIGESTS_FILE", "collect_artifacts", "curve_name", "seal_artifacts", "verify_artifacts"]

DIGESTS_FILE = "digests.json"


def curve_name(path: Path) -> str:
    """The stage a training log belongs to: the name of the folder it lies in."""
    return path.parent.name


def collect_artifacts(
    target: Path,
    *,
    folders: dict[str, Path | None],
    files: dict[str, Path],
    texts: dict[str, str],
    training: Sequence[Path],
) -> None:
    """Copies everything a version consists of into `target`; a folder that is None is left out."""
    for name, folder in folders.items():
        if folder is not None:
            shutil.copytree(folder, target / name)
    for name, path in files.items():
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target / name)
    for name, text in texts.items():
        (target / name).write_text(text, encoding="utf-8")
    for path in training:
        (target / "training").mkdir(exist_ok=True)
        shutil.copyfile(path, target / "training" / f"{curve_name(path)}.jsonl")


def seal_artifacts(folder: Path) -> str:
    """Writes `digests.json` for what lies in `folder`; returns the digest of its contents."""
    digests = {
        path.relative_to(folder).as_posix(): digest_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    write_json(folder / DIGESTS_FILE, digests)
    return digest_json(digests)


def verify_artifacts(folder: Path, artifacts_digest: str) -> None:
    """Checks every file of a version against its digest.

    Raises:
        RegistryError: A file is missing or changed; the message names it.
    """
    if not (folder / DIGESTS_FILE).is_file():
        raise RegistryError(f"{folder} has no {DIGESTS_FILE}: the version's artifacts are incomplete")
    try:
        digests = read_json(folder / DIGESTS_FILE)
    except ValueError as error:
        raise RegistryError(f"{folder / DIGESTS_FILE} is not JSON ({error}); register the model again") from error
    if digest_json(digests) != artifacts_digest:
        raise RegistryError(f"{folder / DIGESTS_FILE} is not the one that was registered")
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file() or digest_file(path) != digest:
            state = "changed" if path.is_file() else "missing"
            raise RegistryError(f"{path} is {state} since the version was registered; register the model again")
