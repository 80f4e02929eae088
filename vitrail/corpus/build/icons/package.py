"""The package with all icon sets, pinned: npm fetches it."""

from pathlib import Path

from vitrail.corpus.build.pinned_package import fetch_package

__all__ = ["MADE_FROM", "fetch_icons"]

_PACKAGE, _VERSION = "@iconify/json", "2.2.535"
_FILE = f"iconify-json-{_VERSION}.tgz"
_DIGEST = "1a545f86fa224d6531d8fb101dcbe83aac2b28689a21cbed6fc68318a5af4d91"
_REMEDY = (
    f"icons need npm (it comes with Node.js) and its registry, or the file {_FILE} in `downloads` beside the corpus"
)

MADE_FROM = f"npm's {_PACKAGE} {_VERSION}"


def fetch_icons(cache: Path) -> Path:
    """The package's file (104 MB), fetched into `cache` unless it is there.

    Raises:
        CorpusError: It cannot be fetched, or is not the one that is pinned.
    """
    return fetch_package(cache, _FILE, _DIGEST, ("npm", "pack", "--silent", f"{_PACKAGE}@{_VERSION}"), _REMEDY)
