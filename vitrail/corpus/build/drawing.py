"""Draws SVG: one drawing, or many into the shards of a corpus on all cores."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.corpus import QUARANTINE_SCHEMA, SHARDS_FOLDER, tar_file
from vitrail.corpus.build.indexing import IndexedShard, index_shard
from vitrail.corpus.build.workers import run_in_order
from vitrail.corpus.store.tables import table_of
from vitrail.corpus.store.tar_writing import write_tar
from vitrail.errors import CorpusError

__all__ = ["DrawingQueue", "draw_svg"]

_NOTHING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'


def draw_svg(svg: str, side: int) -> bytes:
    """A PNG of `side` x `side` pixels, transparent where nothing is drawn.

    Raises:
        CorpusError: The text is no SVG that can be drawn.
    """
    import resvg_py

    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True))
    except ValueError as error:
        raise CorpusError(f"the drawing is no SVG that can be drawn: {error}") from error


class DrawingQueue:
    """Drawings on their way into shards, in files of the corpus: memory does not grow with their number."""

    def __init__(self, folder: Path, image_ids: Iterable[str], *, side: int, shard_images: int) -> None:
        """Assigns every image to a shard.

        Args:
            folder: The corpus that is being built.
            image_ids: All images, in any order; a hashed order makes every shard a fair sample.
            side: Width and height of the pictures, in pixels.
            shard_images: Images of a shard; the last one has fewer.
        """
        ordered = sorted(image_ids, key=_hash)
        self._shards = {image_id: place // shard_images for place, image_id in enumerate(ordered)}
        self._folder = folder
        self._side = side
        self._waiting = folder / ".drawings"
        self._waiting.mkdir()

    def add(self, drawings: Iterable[tuple[str, str]]) -> None:
        """Puts (image_id, SVG) pairs into the files of their shards."""
        lines: dict[int, list[str]] = {}
        for image_id, svg in drawings:
            lines.setdefault(self._shards[image_id], []).append(json.dumps([image_id, svg]) + "\n")
        for number, own in lines.items():
            with self._file(number).open("a", encoding="utf-8") as stream:
                stream.writelines(own)

    def draw(self, processes: int | None = None) -> list[IndexedShard]:
        """Draws all shards, whose bytes do not depend on the number of processes (by default one a core).

        A drawing that cannot be drawn, or on which nothing is seen, is quarantined.
        """
        (self._folder / SHARDS_FOLDER).mkdir()
        numbers = sorted(set(self._shards.values()))
        files = [self._file(number) for number in numbers]
        tars = [self._folder / tar_file(f"{number:05d}") for number in numbers]
        jobs = [(file, tar, self._side) for file, tar in zip(files, tars, strict=True)]
        shards = list(run_in_order(_draw_shard, jobs, len(jobs), processes))
        self._waiting.rmdir()
        return shards

    def _file(self, number: int) -> Path:
        return self._waiting / f"{number:05d}.jsonl"


def _hash(image_id: str) -> bytes:
    return sha256(image_id.encode()).digest()


def _draw_shard(job: tuple[Path, Path, int]) -> IndexedShard:
    drawings, tar, side = job
    with drawings.open(encoding="utf-8") as stream:
        rows = sorted((json.loads(line) for line in stream), key=lambda row: _hash(row[0]))
    refused: list[dict[str, str]] = []
    write_tar(tar, _members(rows, side, tar.stem, refused))
    drawings.unlink()
    shard = index_shard(tar)
    quarantine = pa.concat_tables([shard.quarantine, table_of(refused, QUARANTINE_SCHEMA)])
    return replace(shard, quarantine=quarantine.sort_by("image_id"))


def _members(
    rows: Sequence[tuple[str, str]], side: int, shard: str, refused: list[dict[str, str]]
) -> Iterator[tuple[str, bytes]]:  # fmt: skip
    nothing = draw_svg(_NOTHING, side)
    for image_id, svg in rows:
        try:
            data = draw_svg(svg, side)
            if data == nothing:
                raise CorpusError("nothing is seen on the drawing")
        except CorpusError as error:
            refused.append({"shard": shard, "image_id": image_id, "reason": str(error)})
        else:
            yield f"{image_id}.png", data
