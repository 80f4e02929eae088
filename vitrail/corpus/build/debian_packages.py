"""Debian packages whose files are data: downloaded by apt without root, compared with a pinned digest, unpacked."""

import logging
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.files import digest_file
from vitrail.errors import CorpusError

__all__ = ["DebianPackage", "unpacked"]

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class DebianPackage:
    """One version of a package for all architectures."""

    name: str
    version: str
    sha256: str  # of the .deb file

    @property
    def file_name(self) -> str:
        """The name that apt gives its file."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_all.deb"


@contextmanager
def unpacked(packages: Sequence[DebianPackage], cache: Path, purpose: str) -> Iterator[Path]:
    """Yields a folder with the files of all packages, which is removed afterwards.

    Args:
        packages: What to unpack.
        cache: Where the .deb files are kept; they are downloaded when they are not there.
        purpose: What needs them, for messages.

    Raises:
        CorpusError: A package cannot be downloaded or unpacked, or is not the one that is pinned.
    """
    files = [_fetch(package, cache, purpose) for package in packages]
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=cache) as folder:
        for file in files:
            _run(purpose, "dpkg-deb", "--extract", str(file), folder)
        yield Path(folder)


def _fetch(package: DebianPackage, cache: Path, purpose: str) -> Path:
    """The package's file, downloaded by apt unless the cache has it."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / package.file_name
    if not path.exists():
        _LOGGER.info("downloading %s %s", package.name, package.version)
        _run(purpose, "apt-get", "download", f"{package.name}={package.version}", folder=cache)
    if not path.exists():
        raise CorpusError(f"apt-get downloaded no {path.name}; put the file into {cache} and try again")
    if digest_file(path) != package.sha256:
        raise CorpusError(f"{path} is not the package that is pinned (another SHA-256); delete it and try again")
    return path


def _run(purpose: str, *command: str, folder: Path | None = None) -> None:
    remedy = f"{purpose} needs Debian or Ubuntu with current package lists (`apt-get update`)"
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CorpusError(f"{command[0]} is not on this machine; {remedy}") from error
    except subprocess.CalledProcessError as error:
        raise CorpusError(f"`{' '.join(command)}` failed: {error.stderr.strip()}; {remedy}") from error
