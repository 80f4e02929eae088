"""The OpenAPI document: every route, with the bodies it takes and all that it answers, errors included."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from .answers import Classification, Embedding, SearchResult, TextSearchResult
from .parameters import DEFAULT_K, MAX_CHARACTERS, MAX_K, MAX_OFFSET, MAX_TEXT, MAX_VALUES
from .refusals import PROBLEM_TYPE

__all__ = ["Problem", "describe_api"]

_PICTURES = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
_REASONS = {
    400: "the picture, the form or a parameter cannot be used",
    404: "there is no such thing here",
    408: "the request did not come in time",
    413: "the request is too large",
    415: "the body is not a picture",
    431: "address and headers are too large",
    503: "the endpoint is busy or loading; the header Retry-After says when to try again",
}
_ALWAYS = (408, 431, 503)
_BINARY = {"type": "string", "format": "binary"}
_BARE = {kind: {"schema": _BINARY} for kind in _PICTURES}
_K = {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": DEFAULT_K}
_NAMES = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
    "maxItems": MAX_VALUES,
}
_PAGE_AND_FILTERS = {
    "k": (_K, "how many results a page has"),
    "offset": (
        {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
        "how many results to leave out: `next_offset` of the page before",
    ),
    "domain": (_NAMES, "only images of one of these domains, which /about lists"),
    "group": (_NAMES, "only images of one of these groups"),
    "label": (_NAMES, "only images whose texts gave them one of these labels, named as answers name them"),
}
_LINEAGE_HEADER = {"description": "What gave the answer, as JSON.", "schema": {"type": "string"}, "required": True}


class Problem(BaseModel):
    """Why a request was not answered: for people, for programs, and by what."""

    error: str
    code: str
    lineage: dict[str, str]


def describe_api(version: str, max_bytes: int) -> dict[str, Any]:
    """OpenAPI 3.1 of an endpoint.

    Args:
        version: Of the model that is served.
        max_bytes: Of a picture.
    """
    routes = {
        "/embed": _picture_route(Embedding, max_bytes, "no effect here"),
        "/classify": _picture_route(Classification, max_bytes, "how many annotations to return"),
        "/search": _search_route(max_bytes),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vitrail", "version": version, "description": "One multi-task visual representation."},
        "paths": {path: {"post": route} for path, route in routes.items()} | _PLAIN_ROUTES,
        "components": {"schemas": _schemas(Embedding, Classification, SearchResult, TextSearchResult, Problem)},
    }


def _picture_route(answer: type[BaseModel], max_bytes: int, meaning_of_k: str) -> dict[str, Any]:
    form = {"type": "object", "properties": {"image": _BINARY, "k": _K}, "required": ["image"]}
    return {
        "summary": _summary(answer),
        "parameters": _query_parameters({"k": (_K, f"{meaning_of_k}; in the form or here, once")}),
        "requestBody": {
            "required": True,
            "description": f"One PNG, JPEG or WebP picture of at most {max_bytes:,} bytes, in a form or bare.",
            "content": {"multipart/form-data": {"schema": form}} | _BARE,
        },
        "responses": _responses("application/json", _reference(answer), 400, 413, 415),
    }


def _search_route(max_bytes: int) -> dict[str, Any]:
    parameters = {
        "id": (_NAMES, f"images of the gallery; with the pictures they are 1 to {MAX_VALUES}"),
        "exclude_self": (_flag(default=True), "whether images of the gallery that ask are no results"),
        "describe": (_flag(default=False), "whether to say what the pictures are too, as /classify does"),
        **_PAGE_AND_FILTERS,
    }
    pictures = {"type": "array", "items": _BINARY, "maxItems": MAX_VALUES}
    form = {"image": pictures} | {name: schema for name, (schema, _) in parameters.items()}
    return {
        "summary": _summary(SearchResult),
        "description": (
            "Of one picture, or of one image of the gallery, the binary code asks; of several the code of the mean of "
            "their embeddings, each made of unit length. Parameters may stand in the form or in the address."
        ),
        "parameters": _query_parameters(parameters),
        "requestBody": {
            "required": False,
            "description": f"PNG, JPEG or WebP of at most {max_bytes:,} bytes together, in a form, or one bare.",
            "content": {
                "multipart/form-data": {"schema": {"type": "object", "properties": form, "additionalProperties": False}}
            }
            | _BARE,
        },
        "responses": _responses("application/json", _reference(SearchResult), 400, 404, 413, 415),
    }


def _summary(answer: type[BaseModel]) -> str:
    return (answer.__doc__ or "").partition("\n")[0]


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _query_parameters(parameters: Mapping[str, tuple[dict[str, Any], str]]) -> list[dict[str, Any]]:
    """Of schemas and meanings by name."""
    return [
        {"name": name, "in": "query", "schema": schema, "description": meaning}
        for name, (schema, meaning) in parameters.items()
    ]


def _flag(*, default: bool) -> dict[str, Any]:
    return {"type": "boolean", "default": default}


def _responses(media_type: str, schema: dict[str, Any], *errors: int) -> dict[str, Any]:
    """A good answer, and the errors of the route beside those that every route has."""
    headers = {"X-Vitrail-Lineage": _LINEAGE_HEADER}
    problem = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    good = {"description": "the answer", "content": {media_type: {"schema": schema}}, "headers": headers}
    return {"200": good} | {
        str(status): {"description": _REASONS[status], "content": problem} for status in sorted((*errors, *_ALWAYS))
    }


def _schemas(*models: type[BaseModel]) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    return schemas


def _plain_route(summary: str, media_type: str, schema: dict[str, Any], *errors: int) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": _responses(media_type, schema, *errors)}}


def _thumbnail_route() -> dict[str, Any]:
    route = _plain_route(
        "A picture of the catalogue, small; its address never shows another one.", "image/webp", _BINARY, 404
    )
    names = {"index": "from `thumbnails` of /about", "key": "of a neighbour"}
    route["get"]["parameters"] = [
        {"name": name, "in": "path", "required": True, "description": meaning, "schema": {"type": "string"}}
        for name, meaning in names.items()
    ]
    return route


def _text_route() -> dict[str, Any]:
    route = _plain_route(_summary(TextSearchResult), "application/json", _reference(TextSearchResult), 400, 404)
    text = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
    [asked] = _query_parameters(
        {"text": (text, "words; those that name a label, in any of its forms, are searched for")}
    )
    route["get"]["parameters"] = [asked | {"required": True}, *_query_parameters(_PAGE_AND_FILTERS)]
    return route


_TEXT = {"type": "string"}
_PLAIN_ROUTES = {
    "/search/text": _text_route(),
    "/": _plain_route("The page to try it on.", "text/html", _TEXT),
    "/about": _plain_route("The model that is served, its lineage and limits.", "application/json", {"type": "object"}),
    "/docs.json": _plain_route("This document.", "application/json", {"type": "object"}),
    "/thumbnails/{index}/{key}.webp": _thumbnail_route(),
    "/livez": _plain_route("Whether the process lives.", "text/plain", _TEXT),
    "/readyz": _plain_route("Whether the model is loaded.", "text/plain", _TEXT),
    "/metrics": _plain_route("Counts and times for Prometheus.", "text/plain", _TEXT),
}
