"""Debian packages whose files are data: downloaded by apt without root, compared with a pinned digest, unpacked."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vitrail.corpus.build.pinned_package import fetch_package, run_tool

__all__ = ["DebianPackage", "unpacked"]


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
    remedy = f"{purpose} needs Debian or Ubuntu with current package lists (`apt-get update`)"
    files = [
        fetch_package(
            cache,
            package.file_name,
            package.sha256,
            ("apt-get", "download", f"{package.name}={package.version}"),
            remedy,
        )
        for package in packages
    ]
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=cache) as folder:
        for file in files:
            run_tool("dpkg-deb", "--extract", str(file), folder, remedy=remedy)
        yield Path(folder)
