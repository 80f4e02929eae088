"""Packages that corpora are made from: fetched by their own client, and compared with a pinned digest."""

import logging
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.files import digest_file
from vitrail.errors import CorpusError

__all__ = ["fetch_package", "run_tool"]

_LOGGER = logging.getLogger(__name__)


def fetch_package(cache: Path, file: str, digest: str, command: Sequence[str], remedy: str) -> Path:
    """The package's file in `cache`, fetched unless it is there.

    Args:
        cache: Where packages are kept.
        file: The name that the client gives to the file.
        digest: Its SHA-256.
        command: Fetches it into the working directory.
        remedy: What to do where the client is missing or fails.

    Raises:
        CorpusError: It cannot be fetched, or is not the one that is pinned.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / file
    if not path.exists():
        _LOGGER.info("fetching %s", file)
        with tempfile.TemporaryDirectory(prefix=".fetched-", dir=cache) as folder:
            run_tool(*command, remedy=remedy, folder=Path(folder))
            fetched = Path(folder) / file
            if not fetched.exists():
                raise CorpusError(f"{command[0]} fetched no {file}; put the file into {cache} and try again")
            fetched.replace(path)
    if digest_file(path) != digest:
        raise CorpusError(f"{path} is not the package that is pinned (another SHA-256); delete it and try again")
    return path


def run_tool(*command: str, remedy: str, folder: Path | None = None) -> None:
    """Runs a command.

    Raises:
        CorpusError: It is not installed, or fails; with what it said and the remedy.
    """
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CorpusError(f"{command[0]} is not on this machine; {remedy}") from error
    except subprocess.CalledProcessError as error:
        raise CorpusError(f"`{' '.join(command)}` failed: {error.stderr.strip()}; {remedy}") from error
