"""What a search asks for, read strictly: pictures and images of the gallery, filters, and a page of the results."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import bentoml
from bentoml.validators import ContentType
from pydantic import Field
from starlette.requests import Request

from vitrail.packaging import Filters, Page

from .parameters import MAX_VALUES, Values, parse_flag, parse_k, parse_names, parse_offset, parse_text, require_known
from .refusals import Refusal
from .uploads import Parts, read_parts

__all__ = ["SearchQuery", "SearchUpload", "TextQuery", "parse_text_query"]

_FILTERS = ("domain", "group", "label")
_PAGE = ("k", "offset")
_OWN = ("id", "exclude_self", "describe")


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchQuery:
    """A search by pictures and by images of the gallery.

    Attributes:
        images: Encoded.
        image_ids: Of the gallery.
        page: Of the results.
        filters: What the results have in common.
        is_self_excluded: Whether images of the gallery that ask are no results.
        is_described: Whether the answer also says what the pictures are.
    """

    images: tuple[bytes, ...]
    image_ids: tuple[str, ...]
    page: Page
    filters: Filters
    is_self_excluded: bool
    is_described: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class TextQuery:
    """A search by text: what is searched for, the page of the results, and what they have in common."""

    text: str
    page: Page
    filters: Filters


class SearchUpload(bentoml.IODescriptor):
    """What the search takes."""

    image: Annotated[Path, ContentType("image/*")] = Field(description="A PNG, JPEG or WebP file.")

    max_bytes: ClassVar[int]

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "SearchUpload":
        """Holds a SearchQuery, or the Refusal that the route answers with."""
        try:
            query: SearchQuery | Refusal = _parse_search(await read_parts(request, cls.max_bytes))
        except Refusal as refusal:
            query = refusal
        return cls.model_construct(image=query)


def parse_text_query(values: Values) -> TextQuery:
    """Reads a search by text.

    Raises:
        Refusal: A parameter cannot be used.
    """
    require_known(values, ("text", *_PAGE, *_FILTERS))
    return TextQuery(text=parse_text(values.get("text", ())), page=_parse_page(values), filters=_parse_filters(values))


def _parse_page(values: Values) -> Page:
    return Page(k=parse_k(values.get("k", ())), offset=parse_offset(values.get("offset", ())))


def _parse_filters(values: Values) -> Filters:
    return Filters(**{name: parse_names(name, values.get(name, ())) for name in _FILTERS})


def _parse_search(parts: Parts) -> SearchQuery:
    values = parts.values
    require_known(values, (*_OWN, *_PAGE, *_FILTERS))
    query = SearchQuery(
        images=parts.images,
        image_ids=parse_names("id", values.get("id", ())),
        page=_parse_page(values),
        filters=_parse_filters(values),
        is_self_excluded=parse_flag("exclude_self", values.get("exclude_self", ()), default=True),
        is_described=parse_flag("describe", values.get("describe", ()), default=False),
    )
    if not 1 <= len(query.images) + len(query.image_ids) <= MAX_VALUES:
        raise Refusal(
            400,
            "bad_query",
            f"a search needs 1 to {MAX_VALUES} in all: pictures, each a file in the form's field `image`, and images "
            "of the gallery, each by its `id`",
        )
    return query
