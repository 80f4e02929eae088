"""Reading the pictures and parameters of a request within limits, and saying clearly what is wrong with them.

BentoML's own form parsing answers 500 to a malformed form, fetches the address that a text field holds, and
writes every upload to disk; here pictures stay in memory and bad requests are refused with a reason.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import bentoml
from bentoml.validators import ContentType
from pydantic import Field
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .parameters import DEFAULT_K, MAX_K, MAX_VALUES, Values, parse_k
from .refusals import Refusal

__all__ = ["FORM_BYTES", "ImageUpload", "Parts", "Upload", "read_parts"]

FORM_BYTES = 64 * 1024  # of a request besides the images: boundaries, field headers, other fields
_MAX_FIELDS = 64
_HOW = "send it as a form: curl -F image=@picture.png"


@dataclass(frozen=True, slots=True)
class Upload:
    """An encoded image, and how many results are wanted."""

    image: bytes
    k: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What a request holds: encoded images, and the values of its parameters, from its form and its address."""

    images: tuple[bytes, ...]
    values: Values


class ImageUpload(bentoml.IODescriptor):
    """What routes take that answer for one picture."""

    image: Annotated[Path, ContentType("image/*")] = Field(description="A PNG, JPEG or WebP file.")
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many annotations to return.")

    max_bytes: ClassVar[int]

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "ImageUpload":
        """Holds an Upload, or the Refusal that the route answers with."""
        try:
            upload: Upload | Refusal = await _read_upload(request, cls.max_bytes)
        except Refusal as refusal:
            upload = refusal
        return cls.model_construct(image=upload, k=0)


async def _read_upload(request: Request, max_bytes: int) -> Upload:
    parts = await read_parts(request, max_bytes)
    k = parse_k(parts.values.get("k", ()))
    if len(parts.images) != 1:
        raise Refusal(400, "bad_form", f"the form needs one file in the field `image`; {_HOW}")
    return Upload(parts.images[0], k)


async def read_parts(request: Request, max_bytes: int) -> Parts:
    """Reads a form, a bare picture, or a request without a body that has parameters.

    Args:
        request: Of any client.
        max_bytes: Of all pictures together.

    Raises:
        Refusal: The body is none of these, too large, malformed or not there.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = request.query_params.multi_items()
    if kind == "multipart/form-data":
        form = await _parse_form(request, await _body(request, max_bytes + FORM_BYTES))
        images = await _images_of(form, max_bytes)
        return Parts(
            images, _by_name([*((name, value) for name, value in form.multi_items() if name != "image"), *query])
        )
    if kind.startswith("image/") or kind == "application/octet-stream":
        return Parts((await _body(request, max_bytes),), _by_name(query))
    if not kind and query and not _has_body(request):
        return Parts((), _by_name(query))
    raise Refusal(415, "not_a_picture", f"content type {kind or 'missing'!r} is not a picture; {_HOW}")


def _by_name(items: Iterable[tuple[str, Any]]) -> Values:
    values: dict[str, list[Any]] = {}
    for name, value in items:
        values.setdefault(name, []).append(value)
    return values


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def _body(request: Request, max_bytes: int) -> bytes:
    too_large = Refusal(
        413, "too_many_bytes", f"the request is larger than {max_bytes:,} bytes; send a smaller picture"
    )
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > max_bytes:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise too_large
    except ClientDisconnect as error:
        raise Refusal(408, "too_slow", "the request did not come whole") from error
    return bytes(body)


async def _parse_form(request: Request, body: bytes) -> FormData:
    async def chunks() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(request.headers, chunks(), max_files=MAX_VALUES + 1, max_fields=_MAX_FIELDS)
    parser.spool_max_size = len(body) + 1  # stays in memory
    try:
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refusal(400, "bad_form", f"the form is malformed ({error}); {_HOW}") from error


async def _images_of(form: FormData, max_bytes: int) -> tuple[bytes, ...]:
    images = []
    for found in form.getlist("image"):
        if not isinstance(found, UploadFile):
            raise Refusal(400, "bad_form", f"the form needs a file in the field `image`; {_HOW}")
        images.append(await found.read())
    size = sum(map(len, images))
    if size > max_bytes:
        raise Refusal(413, "too_many_bytes", f"{size:,} bytes is more than the limit of {max_bytes:,}")
    return tuple(images)
