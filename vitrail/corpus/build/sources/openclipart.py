"""The openclipart corpus: pictures that people uploaded, with the texts they gave them.

Built from the Debian packages `openclipart-png` and `openclipart-svg`, which apt downloads without root. The
PNG bytes stay as they are; the texts are in the metadata of the SVG beside each PNG. A link to a picture from
another folder is one more post about the same picture.
"""

import re
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vitrail.contracts.corpus import SHARDS_FOLDER, SIGNALS_SCHEMA, TASK_SCHEMA, CorpusManifest, TaskInfo
from vitrail.corpus.build.components import Components
from vitrail.corpus.build.debian_packages import DebianPackage, unpacked
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.item_columns import ItemColumns
from vitrail.corpus.build.lookalikes import join_lookalikes, thumbnail_of
from vitrail.corpus.build.metadata.columns import Item
from vitrail.corpus.build.source import NamedCorpus
from vitrail.corpus.build.splitting import splits_of
from vitrail.corpus.build.writer import Card, TaskTable, write_corpus
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tar_writing import write_tar

__all__ = ["SOURCES", "build_from_tree", "build_openclipart"]

_VERSION = "1:0.18+dfsg-19"
_PACKAGES = (
    DebianPackage(
        name="openclipart-png",
        version=_VERSION,
        sha256="f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
    ),
    DebianPackage(
        name="openclipart-svg",
        version=_VERSION,
        sha256="989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
    ),
)
_SHARD_IMAGES = 1000
_MIN_CLASS_IMAGES = 50
_UNSORTED = "unsorted"
_RELEASED_AT = datetime(2005, 10, 31, tzinfo=UTC)  # of version 0.18, for pictures without a date
_LABELLED_AT = datetime(2007, 1, 1, tzinfo=UTC)
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
_RDF_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
_CARD = Card(
    name="openclipart",
    title="Open Clip Art Library 0.18",
    description=(
        "Clip art with the titles, descriptions and keywords of the people who uploaded it, from the "
        f"Debian packages openclipart-png and openclipart-svg {_VERSION}. Category: top-level folder. "
        "Series: numbered variants of a drawing. Links from other folders are posts about the same picture."
    ),
    licences=("public domain (Creative Commons Public Domain Dedication), by the authors named in the SVG files",),
)


@dataclass(frozen=True, kw_only=True)
class _Picture:
    """A PNG file, the links to it, and what its SVG sibling says."""

    image_id: str  # path below png/, without extension
    path: Path
    links: tuple[str, ...]
    texts: tuple[tuple[str, str], ...]  # (source, text)
    creator: str
    uploaded_at: datetime

    @property
    def series(self) -> str:
        """The path without numbers: the same for the numbered variants of a drawing."""
        folder, _, stem = self.image_id.rpartition("/")
        return f"{folder}/{'_'.join(_words(stem))}"


def build_openclipart(folder: Path, cache: Path) -> CorpusManifest:
    """Builds the corpus into an empty folder.

    Args:
        folder: The corpus.
        cache: Where the Debian packages are kept; they are downloaded when they are not there.

    Raises:
        CorpusError: The packages cannot be downloaded or unpacked, or are not the ones that are pinned.
    """
    with unpacked(_PACKAGES, cache, "openclipart") as root:
        return build_from_tree(folder, root / "usr" / "share" / "openclipart")


def build_from_tree(folder: Path, root: Path) -> CorpusManifest:
    """Builds the corpus from the unpacked packages: `root` holds `png/` and `svg/` with the same paths."""
    pictures = _pictures(root)
    thumbnails: dict[str, bytes] = {}
    shards = list(_write_shards(folder / SHARDS_FOLDER, pictures, thumbnails))
    return write_corpus(
        folder,
        _CARD,
        shards,
        signals=table_of([row for picture in pictures for row in _signals(picture)], SIGNALS_SCHEMA),
        splits=_splits(pictures, thumbnails),
        tasks=_tasks(pictures),
    )


SOURCES = (NamedCorpus(name="openclipart", build=build_openclipart),)


def _pictures(root: Path) -> list[_Picture]:
    links: dict[Path, list[str]] = defaultdict(list)
    files = []
    for path in sorted((root / "png").rglob("*.png")):
        if path.is_symlink():
            links[path.resolve()].append(_id_of(root, path))
        else:
            files.append(path)
    return [_picture(root, path, tuple(links[path.resolve()])) for path in files]


def _id_of(root: Path, path: Path) -> str:
    return path.relative_to(root / "png").with_suffix("").as_posix().replace(".", "_")


def _picture(root: Path, path: Path, links: tuple[str, ...]) -> _Picture:
    drawing = (root / "svg" / path.relative_to(root / "png")).with_suffix(".svg")
    work = ET.parse(drawing).getroot()  # noqa: S314 - the package has a pinned digest
    texts = [
        (source, text)
        for source, tag in (("title", "title"), ("description", "description"))
        for text in _first(work, tag)
    ]
    subject = work.find(f".//{_DUBLIN_CORE}subject")
    keywords = [item.text or "" for item in subject.iter(_RDF_ITEM)] if subject is not None else []
    texts += [("keyword", keyword.strip()) for keyword in keywords if keyword.strip()]
    creator = work.find(f".//{_DUBLIN_CORE}creator")
    return _Picture(
        image_id=_id_of(root, path),
        path=path,
        links=links,
        texts=tuple(dict.fromkeys(texts)),
        creator=" ".join(creator.itertext()) if creator is not None else "",
        uploaded_at=_date("".join(_first(work, "date"))),
    )


def _first(work: ET.Element, tag: str) -> list[str]:
    element = work.find(f".//{_DUBLIN_CORE}{tag}")
    text = (element.text or "").strip() if element is not None else ""
    return [text] if text else []


def _date(text: str) -> datetime:
    match = re.match(r"20\d\d[-/]\d\d[-/]\d\d", text)
    try:
        return datetime.fromisoformat(match[0].replace("/", "-")).replace(tzinfo=UTC) if match else _RELEASED_AT
    except ValueError:  # a day that no month has
        return _RELEASED_AT


def _write_shards(folder: Path, pictures: Sequence[_Picture], thumbnails: dict[str, bytes]) -> Iterator[IndexedShard]:
    folder.mkdir()
    ordered = sorted(pictures, key=lambda picture: sha256(picture.image_id.encode()).digest())
    for number, start in enumerate(range(0, len(ordered), _SHARD_IMAGES)):
        tar = folder / f"{number:05d}.tar"
        batch = ordered[start : start + _SHARD_IMAGES]
        write_tar(tar, ((f"{picture.image_id}.png", picture.path.read_bytes()) for picture in batch))
        yield index_shard(tar, inspect=lambda key, data: thumbnails.update({key: thumbnail_of(data)}))


def _splits(pictures: Sequence[_Picture], thumbnails: Mapping[str, bytes]) -> pa.Table:
    columns = ItemColumns()
    for picture in pictures:
        columns.append(Item(group=picture.series, labels=_labels(picture)))
    seen = np.flatnonzero([picture.image_id in thumbnails for picture in pictures])
    rows = np.stack([np.frombuffer(thumbnails[pictures[place].image_id], np.uint8) for place in seen.tolist()])
    looks = Components(len(pictures))
    looks.join(seen, seen[join_lookalikes(len(seen), lambda which: rows[which]).roots()])
    return splits_of(pa.chunked_array([[picture.image_id for picture in pictures]], pa.string()), columns, looks)


def _signals(picture: _Picture) -> Iterator[dict[str, Any]]:
    for post in (picture.image_id, *picture.links):
        own_texts = picture.texts if post == picture.image_id else ()
        for source, text in (*own_texts, *_path_texts(post, picture.creator)):
            yield {
                "post_id": post,
                "image_id": picture.image_id,
                "source": source,
                "text": text,
                "weight": 1.0,
                "observed_at": picture.uploaded_at,
            }


def _path_texts(post: str, creator: str) -> Iterator[tuple[str, str]]:
    *folders, stem = post.split("/")
    if folders[0] != _UNSORTED:
        for folder in folders:
            yield "board", folder.replace("_", " ").replace("-", " ")
    words = _without_creator(_words(stem), creator)
    if words:
        yield "file_name", " ".join(words)


def _words(stem: str) -> list[str]:
    return [word for word in re.split(r"[\W\d_]+", stem) if word]


def _without_creator(words: list[str], creator: str) -> list[str]:
    """File names end with the uploader's name, cut off at some length."""
    name = "".join(_words(creator)).lower()
    for at in range(1, len(words)):
        tail = "".join(words[at:]).lower()
        if len(tail) > 2 and tail in name:
            return words[:at]
    return words


def _labels(picture: _Picture) -> dict[str, str]:
    return {"category": picture.image_id.split("/")[0]}


def _tasks(pictures: Sequence[_Picture]) -> list[TaskTable]:
    categories = {picture.image_id: _labels(picture)["category"] for picture in pictures}
    counts = Counter(categories.values())
    classes = tuple(sorted(name for name, count in counts.items() if count >= _MIN_CLASS_IMAGES and name != _UNSORTED))
    series = {picture.image_id: picture.series for picture in pictures}
    lengths = Counter(series.values())
    return [
        _task(
            TaskInfo(
                name="category",
                kind="classification",
                description="The top-level folder; unsorted pictures and small folders are unlabelled",
                classes=classes,
            ),
            {image_id: name for image_id, name in categories.items() if name in classes},
        ),
        _task(
            TaskInfo(name="series", kind="retrieval", description="Numbered variants of one drawing by one author"),
            {image_id: name for image_id, name in series.items() if lengths[name] > 1},
        ),
    ]


def _task(info: TaskInfo, labels: Mapping[str, str]) -> TaskTable:
    rows = [{"image_id": image_id, "label": label, "observed_at": _LABELLED_AT} for image_id, label in labels.items()]
    return TaskTable(info=info, labels=table_of(rows, TASK_SCHEMA))
