"""The files of a user's folder, told by their bytes: images, tars, other files, and what is passed over.

Links that the user put there are followed: two names of one file are two files. A link to a folder that it lies
in is not, so that a circle ends, nor one to a folder that many links led to already.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vitrail.corpus.build.packed_lists import PathList
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES, READABLE_FORMATS, describe_format, image_format
from vitrail.corpus.readable_names import readable
from vitrail.corpus.store.tars import COMPRESSED_STARTS, IMAGE_EXTENSIONS, is_tar

__all__ = ["FolderFiles", "find_files", "is_junk", "walk_files"]

_START_BYTES = 512  # of a tar's first header; more than the other signatures need
_MAX_VISITS = 16  # of one folder: folders that link to each other have more paths than can be walked
_JUNK = {"__macosx": "left by macOS", "thumbs.db": "left by Windows", "desktop.ini": "left by Windows"}
_COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.lz4", ".tar.lz")

_Identity = tuple[int, int]  # device and inode of a folder


@dataclass(frozen=True, kw_only=True)
class FolderFiles:
    """The files of a folder and below, each list in path order.

    Attributes:
        source: The folder.
        images: PNG, JPEG and WebP files, whatever they are called.
        bad_images: Files that are called or begin like an image and are none that can be read, with the reason.
        tars: Uncompressed tars, and whatever else is called `.tar`.
        compressed_tars: Tars that must be unpacked first.
        others: All other files.
        passed_over: What is not looked into, with the reason.
    """

    source: Path
    images: PathList = field(default_factory=PathList)
    bad_images: dict[Path, str] = field(default_factory=dict)
    tars: list[Path] = field(default_factory=list)
    compressed_tars: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)

    def name_of(self, path: Path) -> str:
        """The path inside the folder, in UTF-8."""
        return readable(path.relative_to(self.source).as_posix())


def find_files(source: Path) -> FolderFiles:
    """Looks at the beginning of every file of a folder and below."""
    files = FolderFiles(source=source)
    for path, problem in sorted(walk_files(source)):
        if problem is None:
            _sort_in(path, files)
        else:
            files.passed_over[path] = problem
    return files


def walk_files(source: Path) -> Iterator[tuple[Path, str | None]]:
    """The files of a folder and below, and the reason for each file or folder that is passed over."""
    yield from _walk(source, frozenset(), Counter())


def is_junk(name: str) -> str | None:
    """Why a file or folder of that name is passed over; None when it is not."""
    return "hidden" if name.startswith(".") else _JUNK.get(name.lower())


def _walk(folder: Path, above: frozenset[_Identity], visits: Counter[_Identity]) -> Iterator[tuple[Path, str | None]]:
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        yield folder, "a link to a folder that it lies in"
        return
    visits[identity] += 1
    if visits[identity] > _MAX_VISITS:
        yield folder, f"a link to a folder that was read {_MAX_VISITS} times, by other links"
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield folder, f"cannot be read: {error.strerror}"
        return
    for entry in entries:
        path = folder / entry.name
        problem = is_junk(entry.name)
        if problem is not None:
            yield path, problem + _count_files(path)
            continue
        try:
            is_file = entry.is_file()  # what the folder itself says, unless it is a link
            mode = stat.S_IFREG if is_file else path.stat().st_mode
        except OSError as error:
            yield path, _lost(path, error)
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(path, above | {identity}, visits)
        else:
            yield path, None if is_file else "no regular file"


def _count_files(path: Path) -> str:
    if path.is_symlink() or not path.is_dir():
        return ""
    return f", with {sum(len(names) for _, _, names in os.walk(path)):,} files"


def _lost(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return f"a link to {readable(os.readlink(path))}, which is not there; fetch it (`git annex get`, `dvc pull`)"
    return f"cannot be read: {error.strerror}"


def _sort_in(path: Path, files: FolderFiles) -> None:
    try:
        with path.open("rb", buffering=0) as stream:
            start = stream.read(_START_BYTES)
    except OSError as error:
        files.passed_over[path] = f"cannot be read: {error.strerror}"
        return
    kind = image_format(start)
    if kind in READABLE_FORMATS:
        files.images.append(path)
        return
    name, extension = path.name.lower(), path.suffix.lower().removeprefix(".")
    if kind is not None or extension in IMAGE_EXTENSIONS:
        files.bad_images[path] = describe_format(start[:NUM_SIGNATURE_BYTES])
    elif name.endswith(_COMPRESSED_TARS) and start.startswith(COMPRESSED_STARTS):
        files.compressed_tars.append(path)
    elif extension == "tar" or is_tar(start):
        files.tars.append(path)
    else:
        files.others.append(path)
