"""The web page and the thumbnails it shows: a small application that needs no other host."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from .parameters import parse_key
from .refusals import Refusal, respond_refusal
from .search_queries import parse_text_query

__all__ = ["create_web"]

_PAGE = Path(__file__).parent.parent / "page"
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def create_web() -> Starlette:
    """The application: `/`, `/page/*`, `/about`, `/docs.json`, `/search/text` and `/thumbnails/<index>/<key>.webp`.

    Its state holds what the service sets when it has loaded: `about` and `api`, shown as JSON, `index_digest`,
    `read_thumbnail`, from a key of the index to WebP or None, and `search_text`, from a TextQuery to its answer.
    """
    return Starlette(
        routes=[
            Route("/", _page),
            Route("/about", _about),
            Route("/docs.json", _api),
            Route("/search/text", _search_text),
            Route("/thumbnails/{index}/{key}.webp", _thumbnail),
            Mount("/page", StaticFiles(directory=_PAGE)),
        ],
        exception_handlers={Refusal: respond_refusal},
    )


async def _page(_: Request) -> Response:
    return FileResponse(_PAGE / "index.html", headers=_POLICY)


async def _about(request: Request) -> Response:
    return JSONResponse(request.app.state.about)


async def _api(request: Request) -> Response:
    return JSONResponse(request.app.state.api)


async def _search_text(request: Request) -> Response:
    parameters = request.query_params
    query = parse_text_query({name: parameters.getlist(name) for name in parameters})
    return JSONResponse(await run_in_threadpool(request.app.state.search_text, query))


async def _thumbnail(request: Request) -> Response:
    """A picture under the digest of its index only: such an address never shows another one."""
    state = request.app.state
    key = parse_key(request.path_params["key"])
    is_current = request.path_params["index"] == state.index_digest
    picture = await run_in_threadpool(state.read_thumbnail, key) if is_current else None
    if picture is None:
        raise Refusal(404, "no_such_image", "there is no such thumbnail in the index that is served")
    return Response(picture, media_type="image/webp", headers=_FOREVER)
