"""Searches of the gallery: what a query asks for is checked, found, and described with what texts say."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from vitrail.packaging import Filters, Gallery, mean_code

from .answers import describe_texts
from .online import OnlineFeatures
from .refusals import Refusal
from .search_queries import SearchQuery, TextQuery

__all__ = ["Searches"]

_SHOWN = 10


class Searches:
    """Answers searches.

    Args:
        gallery: That is searched.
        features: What texts say about its images, if the release has that.
        thumbnails: The address below which the pictures of its images lie.
    """

    def __init__(self, gallery: Gallery, features: OnlineFeatures | None, thumbnails: str) -> None:
        self._gallery = gallery
        self._features = features
        self._thumbnails = thumbnails

    def find_keys(self, query: SearchQuery) -> list[int]:
        """The keys of the gallery's images that ask; nothing was decoded yet.

        Raises:
            Refusal: An image or the value of a filter is not in the gallery.
        """
        self._check_filters(query.filters)
        return [self._key_of(image_id) for image_id in query.image_ids]

    def find_nearest(self, query: SearchQuery, keys: Sequence[int], answers: Sequence[Any]) -> dict[str, Any]:
        """The images that look like the query.

        Args:
            query: What is asked for.
            keys: Of `find_keys`.
            answers: What the model says of the query's pictures.
        """
        index = self._gallery.index
        if len(keys) + len(answers) == 1:
            code = index.code(keys[0]) if keys else answers[0].code
        else:
            code = mean_code([*map(index.vector, keys), *(answer.embedding for answer in answers)])
        without = set(keys) if query.is_self_excluded else set()
        found, has_more = self._gallery.nearest(code, query.page, query.filters, without)
        return {
            "asked": self._describe([dataclasses.asdict(index.item(key)) for key in keys]),
            "neighbours": self._describe([dataclasses.asdict(neighbour) for neighbour in found]),
            "next_offset": query.page.offset + query.page.k if has_more else None,
        }

    def find_by_text(self, query: TextQuery) -> dict[str, Any]:
        """The images that carry the labels which a text names.

        Raises:
            Refusal: The release has no labels, or the text names none of them, or a filter has an unknown value.
        """
        labels = self._gallery.labels
        if labels is None:
            raise Refusal(404, "no_labels", "this release was packaged without labels, so texts find nothing")
        self._check_filters(query.filters)
        named = labels.find(query.text)
        if not named.labels:
            raise Refusal(
                404, "no_such_label", "no word or phrase of the text names a label; /search/text finds images by labels"
            )
        found, has_more = self._gallery.carrying(named.labels, query.page, query.filters)
        return {
            "labels": [{"label": labels.names[label], "label_id": labels.label_ids[label]} for label in named.labels],
            "ignored": named.ignored,
            "images": self._describe([dataclasses.asdict(image) for image in found]),
            "next_offset": query.page.offset + query.page.k if has_more else None,
        }

    def _describe(self, images: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        image_ids = [image["image_id"] for image in images]
        features = self._features.read(image_ids) if self._features else [None] * len(images)
        return [
            image | {"thumbnail": f"{self._thumbnails}/{image['key']}.webp"} | describe_texts(texts)
            for image, texts in zip(images, features, strict=True)
        ]

    def _key_of(self, image_id: str) -> int:
        key = self._gallery.index.key_of(image_id)
        if key is None:
            raise Refusal(404, "no_such_image", f"there is no image with the id {image_id!r} in the gallery")
        return key

    def _check_filters(self, filters: Filters) -> None:
        unknown = self._gallery.find_unknown(filters)
        if unknown is None:
            return
        name, value = unknown
        known = self._gallery.index.values(name) if name == "domain" else []
        listed = f"; there are {', '.join(known[:_SHOWN])}" if known else ""
        raise Refusal(400, f"bad_{name}", f"no image of the gallery has the {name} {value!r}{listed}")
