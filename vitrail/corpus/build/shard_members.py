"""Which members of a tar are images, and which texts belong to which image.

By the WebDataset rule a key ends at the first dot. Names with dots of their own (`22.5.jpg`, `22.6.jpg`) have one key
by it and are several images: where the rule finds no single image, or an image has a text of exactly its name, the key
ends at the last dot.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from vitrail.corpus.build.folder_files import is_junk
from vitrail.corpus.build.metadata.sidecars import SIDECAR_EXTENSIONS
from vitrail.corpus.pixels.signatures import READABLE_FORMATS, image_format
from vitrail.corpus.store.tars import IMAGE_EXTENSIONS, Member

__all__ = ["ShardMembers", "sort_members"]


@dataclass(frozen=True, kw_only=True)
class ShardMembers:
    """The members of a tar by what they are.

    Attributes:
        images: By key.
        texts: By key and extension; each key has an image.
        refused: (key, reason) of images and texts that should be used and cannot.
        unused: (name, reason) of all other members.
    """

    images: dict[str, Member] = field(default_factory=dict)
    texts: dict[str, dict[str, Member]] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    unused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Named:
    """A member and its name, cut at the first and at the last dot behind the folders."""

    member: Member
    key: str
    dotted_key: str
    extension: str  # in lower case, from the last dot
    kind: str | None = None  # of the bytes of an image

    @property
    def is_plain(self) -> bool:
        return self.key == self.dotted_key


def sort_members(members: Iterable[Member], read_start: Callable[[Member], bytes]) -> ShardMembers:
    """Sorts the members of a tar; the first bytes of what is not called an image or a text decide what it is."""
    found = ShardMembers()
    images: dict[str, list[_Named]] = defaultdict(list)
    texts: dict[str, list[_Named]] = defaultdict(list)
    for member in members:
        problem = member.problem or _problem_of(member.name)
        named = _named(member, read_start) if problem is None else None
        if named is None:
            found.unused.append((member.name, problem or "neither an image nor a text (.txt, .caption, .cls, .json)"))
        else:
            (texts if named.extension in SIDECAR_EXTENSIONS and named.kind is None else images)[named.key].append(named)
    for key in dict.fromkeys([*images, *texts]):
        _match(key, images[key], texts[key], found)
    in_tar_order = sorted(found.images.items(), key=lambda pair: (pair[1].offset, pair[0]))
    found.images.clear()
    found.images.update(in_tar_order)
    found.refused.sort()
    found.unused.sort()
    return found


def _problem_of(name: str) -> str | None:
    parts = name.split("/")
    if ".." in parts:
        return "its name leads up by '..'"
    return next((junk for part in parts if (junk := is_junk(part))), None)


def _named(member: Member, read_start: Callable[[Member], bytes]) -> _Named | None:
    """The member with its key; None when it is neither an image nor a text."""
    folder, slash, base = member.name.rpartition("/")
    first, _, _ = base.partition(".")
    last, dot, extension = base.rpartition(".")
    dotted = last if dot else base
    extension = extension.lower() if dot else ""
    kind = None if extension in SIDECAR_EXTENSIONS else image_format(read_start(member))
    if kind is None and extension not in IMAGE_EXTENSIONS and extension not in SIDECAR_EXTENSIONS:
        return None
    return _Named(member, f"{folder}{slash}{first}", f"{folder}{slash}{dotted}", extension, kind)


def _match(key: str, images: list[_Named], texts: list[_Named], found: ShardMembers) -> None:
    """Settles the images and texts whose names agree up to the first dot."""
    own_names = {text.dotted_key for text in texts}
    owners = dict(_choose_images(key, images, own_names, found))
    for image_key, image in owners.items():
        found.images[image_key] = image.member
    by_file_name = {image.member.name: image_key for image_key, image in owners.items()}
    alone = next(iter(owners)) if len(owners) == 1 else None
    for text in texts:
        owner = by_file_name.get(text.dotted_key) or (text.dotted_key if text.dotted_key in owners else None)
        owner = owner or (key if key in owners else alone)
        _give(text, owner, found, is_lonely=not images)


def _choose_images(
    key: str, images: list[_Named], own_names: set[str], found: ShardMembers
) -> Iterator[tuple[str, _Named]]:
    """(key, image) of each image that is one; the others are refused or unused."""
    images = sorted(images, key=lambda image: image.kind not in READABLE_FORMATS)
    plain = [image for image in images if image.is_plain]
    dotted = [image for image in images if not image.is_plain]
    if plain:
        yield key, plain[0]
    if not plain and len(dotted) == 1 and dotted[0].dotted_key not in own_names:
        yield key, dotted[0]
        return
    taken: dict[str, _Named] = {}
    for image in dotted:
        if plain and image.dotted_key not in own_names:
            reason = f"another picture of key {key!r}, whose image is {plain[0].member.name}"
            found.unused.append((image.member.name, reason))
        elif taken.setdefault(image.dotted_key, image) is image:
            yield image.dotted_key, image
        else:
            found.refused.append(_doubled(image.dotted_key, taken[image.dotted_key], image))
    found.refused.extend(_doubled(key, plain[0], image) for image in plain[1:])


def _doubled(key: str, first: _Named, second: _Named) -> tuple[str, str]:
    both = f".{first.extension} and .{second.extension}"
    return key, f"key {key!r} has two images ({both}); the first is used: keep one image per key"


def _give(text: _Named, owner: str | None, found: ShardMembers, *, is_lonely: bool) -> None:
    if is_lonely:
        reason = (text.dotted_key, "the tar holds no image for this key")
        if reason not in found.refused:
            found.refused.append(reason)
    elif owner is None:
        found.unused.append((text.member.name, f"several images are called {text.key}.*; call it like one of them"))
    elif found.texts.setdefault(owner, {}).setdefault(text.extension, text.member) is not text.member:
        found.unused.append((text.member.name, f"a second .{text.extension} of key {owner!r}; keep one"))
