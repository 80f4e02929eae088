"""What a corpus is made from: a corpus that has a name, or a layout of folders."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vitrail.contracts.corpus import CorpusManifest
from vitrail.corpus.build.folder_files import FolderFiles

__all__ = ["FolderLayout", "NamedCorpus", "Workplace"]


@dataclass(frozen=True, kw_only=True)
class NamedCorpus:
    """A corpus that users call by name.

    Attributes:
        name: What they type.
        build: Builds it into an empty folder; the second folder keeps what is downloaded.
    """

    name: str
    build: Callable[[Path, Path], CorpusManifest]


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """How a folder is built.

    Attributes:
        folder: For what is done of each shard (`ShardWork`); it is there again when a build was killed.
        is_trusted: Nothing is decoded and images are not compared; the reader leaves out what it cannot decode.
    """

    folder: Path
    is_trusted: bool = False


@dataclass(frozen=True, kw_only=True)
class FolderLayout:
    """A way in which users keep their images.

    Attributes:
        rank: Layouts are asked in this order; the first that recognises a folder builds it.
        recognises: Whether the files of a folder lie in this layout.
        build: Builds a corpus of that name from them into an empty folder.
    """

    rank: int
    recognises: Callable[[FolderFiles], bool]
    build: Callable[[FolderFiles, Path, str, Workplace], CorpusManifest]
