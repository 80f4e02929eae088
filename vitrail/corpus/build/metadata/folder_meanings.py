"""What the folders above an image say: the split, and the class, which is the last folder."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from vitrail.corpus.build.metadata.split_words import split_word

__all__ = ["FolderMeaning", "read_folders"]

_CONTAINERS = {"images", "image", "imgs", "img", "jpegimages", "pictures", "photos"}
Folders = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FolderMeaning:
    """The word for the split and the class; None where no folder says one."""

    split: str | None
    label: str | None


def read_folders(folders: Iterable[Folders]) -> dict[Folders, FolderMeaning]:
    """The meaning of each folder that holds images, as the names from the source down.

    The first folder named by a split word is the split, when those beside it are splits too or it holds folders
    itself: among `bus`, `car` and `train` the train is a class. A folder called `images` or the like, with no other
    beside it, says nothing.
    """
    holding = set(folders)
    children: dict[Folders, set[str]] = defaultdict(set)
    for parts in holding:
        for depth, name in enumerate(parts):
            children[parts[:depth]].add(name)
    return {parts: _meaning(parts, children) for parts in holding}


def _meaning(parts: Folders, children: dict[Folders, set[str]]) -> FolderMeaning:
    split_at = next((depth for depth in range(len(parts)) if _is_split(parts, depth, children)), None)
    label = next(
        (
            parts[depth]
            for depth in reversed(range(len(parts)))
            if depth != split_at and not _is_container(parts, depth, children)
        ),
        None,
    )
    return FolderMeaning(None if split_at is None else parts[split_at], label)


def _is_split(parts: Folders, depth: int, children: dict[Folders, set[str]]) -> bool:
    if split_word(parts[depth]) is None:
        return False
    beside = {split_word(name) for name in children[parts[:depth]]}
    return len(beside - {None}) > 1 or None not in beside or bool(children.get(parts[: depth + 1]))


def _is_container(parts: Folders, depth: int, children: dict[Folders, set[str]]) -> bool:
    return parts[depth].lower() in _CONTAINERS and len(children[parts[:depth]]) == 1
