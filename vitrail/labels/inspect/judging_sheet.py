"""A sheet of (picture, phrase) pairs for a person to mark, and the way back from the marks to judgements.

The folder stands alone: `sheet.html` shows the pictures and saves the marks, `pairs.csv` is what is marked,
`pictures-000.png` and so on show the same for those who mark in a spreadsheet, `sheet.json` says what it is of.
"""

import csv
import heapq
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from string import Template

import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from vitrail.contracts.codec import read, write
from vitrail.contracts.contract import Contract
from vitrail.contracts.files import atomic_folder
from vitrail.corpus import Corpus
from vitrail.corpus.thumbnails import data_uri, read_thumbnails
from vitrail.errors import LabelError
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.scoring.judgements import JUDGEMENTS_SCHEMA

__all__ = ["Pair", "SheetInfo", "read_sheet", "sample_pairs", "write_sheet"]

_MARKS = {"y": True, "n": False, "?": None, "": None}
_COLUMNS, _ROWS, _SIZE, _LINE = 5, 4, 300, 22
_FIELDS = ("picture", "number", "image_id", "term", "mark")


@dataclass(frozen=True, kw_only=True, order=True)
class Pair:
    """A phrase to be judged on a picture."""

    image_id: str
    term: str


@dataclass(frozen=True, kw_only=True)
class SheetInfo(
    Contract,
    noun="a sheet",
    file="sheet.json",
    error=LabelError,
    remedy="make one with `vitrail labels judge`",
):
    """What a sheet was made of (`sheet.json`)."""

    corpus: str
    corpus_digest: str
    num_pictures: int
    num_pairs: int


def _draw(*parts: str) -> bytes:
    """A fixed random number: orders what it is the key of."""
    return sha256("\0".join(parts).encode()).digest()


def sample_pairs(corpus: Corpus, labels: LabelSet, count: int) -> list[Pair]:
    """One label, whatever its rank, of each of `count` pictures; pictures and ranks are drawn by hash.

    Raises:
        LabelError: The labels are not of this corpus, or there is nothing to draw.
    """
    labels.require_corpus(corpus)
    if count < 1:
        raise LabelError(f"{count} pictures make no sheet; ask for one or more")
    term = {row["label_id"]: row["term"] for row in labels.vocabulary().select(["label_id", "term"]).to_pylist()}
    sidecars = map(labels.sidecar, labels.manifest.shards)
    rows = (row for sidecar in sidecars for row in sidecar.to_pylist() if row["label_ids"])
    chosen = []
    for row in heapq.nsmallest(count, rows, key=lambda row: _draw("picture", row["image_id"])):
        names = [term[label_id] for label_id in row["label_ids"]]
        chosen.append(Pair(image_id=row["image_id"], term=min(names, key=lambda name: _draw(row["image_id"], name))))
    return chosen


def write_sheet(corpus: Corpus, pairs: Sequence[Pair], out: Path) -> SheetInfo:
    """Writes the sheet; pictures, and the phrases of each, are in an order that says nothing.

    Raises:
        LabelError: There is no pair, or no picture of them can be read.
    """
    ordered = sorted(set(pairs), key=lambda pair: (_draw("picture", pair.image_id), _draw(pair.image_id, pair.term)))
    pictures = {image_id: [pair.term for pair in group] for image_id, group in groupby(ordered, lambda p: p.image_id)}
    thumbnails = read_thumbnails(corpus, pictures, _SIZE)
    shown = [(image_id, terms) for image_id, terms in pictures.items() if image_id in thumbnails]
    if not shown:
        raise LabelError(f"no picture of {len(pictures)} can be shown; give a label set of {corpus.path} with labels")
    info = SheetInfo(
        corpus=corpus.manifest.name,
        corpus_digest=corpus.manifest.digest,
        num_pictures=len(shown),
        num_pairs=sum(len(terms) for _, terms in shown),
    )
    with atomic_folder(out) as folder:
        write(folder, info)
        _write_pairs(folder / "pairs.csv", shown)
        numbered, size = list(enumerate(shown)), _COLUMNS * _ROWS
        for number, start in enumerate(range(0, len(numbered), size)):
            _contact_sheet(numbered[start : start + size], thumbnails).save(
                folder / f"pictures-{number:03}.png", optimize=True
            )
        (folder / "sheet.html").write_text(_page(info, shown, thumbnails), encoding="utf-8")
    return info


def _write_pairs(path: Path, shown: Sequence[tuple[str, list[str]]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(_FIELDS)
        for picture, (image_id, terms) in enumerate(shown):
            writer.writerows((picture, number, image_id, term, "") for number, term in enumerate(terms, start=1))


def _contact_sheet(some: Sequence[tuple[int, tuple[str, list[str]]]], thumbnails: dict[str, bytes]) -> Image.Image:
    lines = max(len(terms) for _, (_, terms) in some) + 1
    height = _SIZE + lines * _LINE + 8
    sheet = Image.new("RGB", (_COLUMNS * (_SIZE + 8), -(-len(some) // _COLUMNS) * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for place, (picture, (image_id, terms)) in enumerate(some):
        x, y = place % _COLUMNS * (_SIZE + 8), place // _COLUMNS * height
        with Image.open(io.BytesIO(thumbnails[image_id])) as thumbnail:
            sheet.paste(thumbnail, (x, y))
        draw.rectangle((x, y, x + _SIZE - 1, y + _SIZE - 1), outline="silver")
        for line, text in enumerate([f"#{picture}", *(f"{n} {term}" for n, term in enumerate(terms, start=1))]):
            draw.text((x + 2, y + _SIZE + 2 + line * _LINE), text[:34], "black" if line else "blue", font)
    return sheet


def _page(info: SheetInfo, shown: Sequence[tuple[str, list[str]]], thumbnails: dict[str, bytes]) -> str:
    cards: list[str] = []
    rows: list[tuple[int, int, str, str]] = []
    for picture, (image_id, terms) in enumerate(shown):
        lines = []
        for number, term in enumerate(terms, start=1):
            lines.append(f"<li data-row={len(rows)}><span>{html.escape(term)}</span></li>")
            rows.append((picture, number, image_id, term))
        source = data_uri(thumbnails[image_id])
        cards.append(f'<figure><img src="{source}" alt="picture {picture}"><ol>{"".join(lines)}</ol></figure>')
    template = files("vitrail.labels.inspect").joinpath("templates", "sheet.html").read_text(encoding="utf-8")
    # "<" is written as an escape, so that no text can end the script it stands in.
    data = json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c")
    return Template(template).substitute(
        corpus=html.escape(info.corpus), count=f"{info.num_pairs:,}", cards="\n".join(cards), rows=data
    )


def read_sheet(folder: Path, corpus: Corpus) -> tuple[pa.Table, int]:
    """Judgements (JUDGEMENTS_SCHEMA) from a marked `pairs.csv`, and how many pairs were left open.

    Raises:
        LabelError: It is not a sheet, is of another corpus, or holds another mark than y, n or ?, or none at all.
    """
    info = read(SheetInfo, folder)
    try:
        with (folder / "pairs.csv").open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabelError(f"{folder} is not {info.NOUN}: {error}; {info.REMEDY}") from error
    if info.corpus_digest != corpus.manifest.digest:
        raise LabelError(
            f"{folder} shows pictures of {info.corpus} ({info.corpus_digest[:12]}), not of "
            f"{corpus.manifest.name} ({corpus.manifest.digest[:12]}); name the corpus it was made of"
        )
    judged = [(row, _read_mark(row, number, folder)) for number, row in enumerate(rows, start=2)]
    marked = [(row["image_id"], row["term"], mark) for row, mark in judged if mark is not None]
    if not marked:
        raise LabelError(f"{folder / 'pairs.csv'} has no mark; write y or n into the column `mark`")
    columns = [list(column) for column in zip(*marked, strict=True)]
    table = pa.table(dict(zip(JUDGEMENTS_SCHEMA.names, columns, strict=True)), schema=JUDGEMENTS_SCHEMA)
    return table, len(rows) - len(marked)


def _read_mark(row: dict[str, str], number: int, folder: Path) -> bool | None:
    missing = [name for name in ("image_id", "term", "mark") if row.get(name) is None]
    if missing:
        raise LabelError(f"{folder / 'pairs.csv'}, line {number}: no column {missing[0]!r}; keep all columns")
    mark = row["mark"].strip().lower()
    if mark not in _MARKS:
        raise LabelError(f"{folder / 'pairs.csv'}, line {number}: mark {row['mark']!r}; write y, n or ? (cannot say)")
    return _MARKS[mark]
