"""The gallery that an endpoint searches: by code, among the images that filters leave, page by page.

Shapes: Q queries, N items, D embedding width.
"""

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrail import models  # torch is loaded by those who ask a model, not by those who say what they want
from vitrail.evaluation import GalleryIndex

if TYPE_CHECKING:
    from vitrail.packaging.label_search import GalleryLabels

__all__ = ["Filters", "Gallery", "LabelledImage", "Neighbour", "Page", "mean_code"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """Which images may be found: of each filter that is given they have one of the values."""

    domain: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    label: tuple[str, ...] = ()

    def given(self) -> dict[str, tuple[str, ...]]:
        """Values by the name of the filter."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: found for name, found in values.items() if found}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of all results: `k` of them after the first `offset`."""

    k: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An image of the gallery; `distance` in bits, and `similarity` is the share of equal bits."""

    key: int
    image_id: str
    group: str
    domain: str | None
    distance: int
    similarity: float


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image of the gallery; `score` is the mean of its scores for the labels that are asked for."""

    key: int
    image_id: str
    group: str
    domain: str | None
    score: float


class Gallery:
    """The images of an index.

    Args:
        index: Opened for the model that asks.
        labels: What texts say about its images; None when the bundle has none.
    """

    def __init__(self, index: GalleryIndex, labels: "GalleryLabels | None") -> None:
        self.index = index
        self.labels = labels

    def find_unknown(self, filters: Filters) -> tuple[str, str] | None:
        """The name of a filter with a value that no image has; None when there is none."""
        for name, values in filters.given().items():
            for value in values:
                if not self._has_value(name, value):
                    return name, value
        return None

    def nearest(
        self, code: NDArray[np.uint8], page: Page, filters: Filters | None = None, without: Collection[int] = ()
    ) -> tuple[list[Neighbour], bool]:
        """A page of the images nearest to a packed code [D/8], and whether there are more.

        All pages are of one order, by distance and then by key; where the gallery is too large to be searched
        exactly at once (`EXACT_ITEMS`), the first page without filters is what the graph finds.

        Args:
            code: Of the query.
            page: What is wanted of it.
            filters: Which images may be found; all by default.
            without: Keys of images that are no answer.
        """
        end = page.offset + page.k
        keys, distances = self.index.search(
            code[None], end + len(without) + 1, among=self._passing(filters), is_exact=page.offset > 0
        )
        found = [
            (key, distance)
            for key, distance in zip(keys[0].tolist(), distances[0].tolist(), strict=True)
            if key >= 0 and key not in without
        ]
        return [self._neighbour(*pair) for pair in found[page.offset : end]], len(found) > end

    def carrying(self, labels: Sequence[int], page: Page, filters: Filters) -> tuple[list[LabelledImage], bool]:
        """A page of the images that carry some labels, by number, and whether there are more.

        They come by the mean of their scores for the labels, those that carry more of them first on the whole; then
        by key.
        """
        if self.labels is None:
            return [], False
        scores = self.labels.score(labels)
        if filters.given():
            scores[~self._passes(filters)] = 0
        found = np.flatnonzero(scores > 0)
        keys = found[np.argsort(-scores[found], kind="stable")]
        end = page.offset + page.k
        images = [
            LabelledImage(**dataclasses.asdict(self.index.item(key)), score=float(scores[key]))
            for key in keys[page.offset : end].tolist()
        ]
        return images, len(keys) > end

    def _has_value(self, name: str, value: str) -> bool:
        if name == "label":
            return self.labels is not None and self.labels.has_name(value)
        return self.index.has_value(name, value)

    def _passing(self, filters: Filters | None) -> NDArray[np.int64] | None:
        """Keys of the items that may be found; None for all."""
        return np.flatnonzero(self._passes(filters)) if filters and filters.given() else None

    def _passes(self, filters: Filters) -> NDArray[np.bool_]:
        masks = [self._is_one_of(name, values) for name, values in filters.given().items()]
        return np.logical_and.reduce(masks)

    def _is_one_of(self, name: str, values: Sequence[str]) -> NDArray[np.bool_]:
        if name == "label":
            return self.labels.has_one_of(values) if self.labels else np.zeros(len(self.index), np.bool_)
        return self.index.is_one_of(name, values)

    def _neighbour(self, key: int, distance: int) -> Neighbour:
        item = self.index.item(key)
        similarity = 1 - distance / self.index.manifest.num_bits
        return Neighbour(key, item.image_id, item.group, item.domain, distance, similarity)


def mean_code(vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """The packed code [D/8] of the mean of vectors [D], each made of unit length: what they have in common."""
    stacked = np.stack(vectors)
    units = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return models.pack_codes(units.mean(axis=0, keepdims=True))[0]
