"""The OpenAPI document: every route, with the bodies it takes and all that it answers, errors included."""

from typing import Any

from pydantic import BaseModel

from .answers import Classification, Embedding, SearchResult
from .parameters import DEFAULT_K, MAX_K
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
    picture_routes = {
        "/embed": _picture_route(Embedding, max_bytes, "no effect here"),
        "/classify": _picture_route(Classification, max_bytes, "how many annotations to return"),
        "/search": _picture_route(SearchResult, max_bytes, "how many neighbours to return"),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vitrail", "version": version, "description": "One multi-task visual representation."},
        "paths": {path: {"post": route} for path, route in picture_routes.items()} | _PLAIN_ROUTES,
        "components": {"schemas": _schemas(Embedding, Classification, SearchResult, Problem)},
    }


def _picture_route(answer: type[BaseModel], max_bytes: int, meaning_of_k: str) -> dict[str, Any]:
    k = {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": DEFAULT_K}
    form = {"type": "object", "properties": {"image": _BINARY, "k": k}, "required": ["image"]}
    picture = {kind: {"schema": _BINARY} for kind in _PICTURES}
    return {
        "summary": (answer.__doc__ or "").partition("\n")[0],
        "parameters": [
            {"name": "k", "in": "query", "schema": k, "description": f"{meaning_of_k}; in the form or here, once"}
        ],
        "requestBody": {
            "required": True,
            "description": f"One PNG, JPEG or WebP picture of at most {max_bytes:,} bytes, in a form or bare.",
            "content": {"multipart/form-data": {"schema": form}} | picture,
        },
        "responses": _responses("application/json", {"$ref": f"#/components/schemas/{answer.__name__}"}, 400, 413, 415),
    }


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


_TEXT = {"type": "string"}
_PLAIN_ROUTES = {
    "/": _plain_route("The page to try it on.", "text/html", _TEXT),
    "/about": _plain_route("The model that is served, its lineage and limits.", "application/json", {"type": "object"}),
    "/docs.json": _plain_route("This document.", "application/json", {"type": "object"}),
    "/thumbnails/{index}/{key}.webp": _thumbnail_route(),
    "/livez": _plain_route("Whether the process lives.", "text/plain", _TEXT),
    "/readyz": _plain_route("Whether the model is loaded.", "text/plain", _TEXT),
    "/metrics": _plain_route("Counts and times for Prometheus.", "text/plain", _TEXT),
}
