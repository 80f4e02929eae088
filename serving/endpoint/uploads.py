"""Reading an uploaded image within limits, and saying clearly what is wrong with it.

BentoML's own form parsing answers 500 to a malformed form, fetches the address that a text field holds, and
writes every upload to disk; here the picture stays in memory and bad requests are refused with a reason.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import bentoml
from bentoml.validators import ContentType
from pydantic import Field
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from .parameters import DEFAULT_K, MAX_K, parse_k
from .refusals import Refusal

__all__ = ["FORM_BYTES", "ImageUpload", "Upload"]

FORM_BYTES = 64 * 1024  # of a request besides the image: boundaries, field headers, other fields
_HOW = "send it as a form: curl -F image=@picture.png"


@dataclass(frozen=True, slots=True)
class Upload:
    """An encoded image, and how many results are wanted."""

    image: bytes
    k: int


class ImageUpload(bentoml.IODescriptor):
    """What every route takes."""

    image: Annotated[Path, ContentType("image/*")] = Field(description="A PNG, JPEG or WebP file.")
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="How many neighbours or annotations to return.")

    max_bytes: ClassVar[int]

    @classmethod
    async def from_http_request(cls, request: Request, serde: Any) -> "ImageUpload":
        """Holds an Upload, or the Refusal that the route answers with."""
        try:
            upload: Upload | Refusal = await _read(request, cls.max_bytes)
        except Refusal as refusal:
            upload = refusal
        return cls.model_construct(image=upload, k=0)


async def _read(request: Request, max_bytes: int) -> Upload:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        body = await _body(request, max_bytes + FORM_BYTES)
        form = await _parse_form(request, body)
        k = parse_k([*form.getlist("k"), *request.query_params.getlist("k")])
        return Upload(await _image_of(form, max_bytes), k)
    if kind.startswith("image/") or kind == "application/octet-stream":
        k = parse_k(request.query_params.getlist("k"))
        return Upload(await _body(request, max_bytes), k)
    raise Refusal(415, "not_a_picture", f"content type {kind or 'missing'!r} is not a picture; {_HOW}")


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

    parser = MultiPartParser(request.headers, chunks(), max_files=2, max_fields=8)
    parser.spool_max_size = len(body) + 1  # stays in memory
    try:
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Refusal(400, "bad_form", f"the form is malformed ({error}); {_HOW}") from error


async def _image_of(form: FormData, max_bytes: int) -> bytes:
    found = form.getlist("image")
    if len(found) != 1 or not isinstance(found[0], UploadFile):
        raise Refusal(400, "bad_form", f"the form needs one file in the field `image`; {_HOW}")
    data = await found[0].read()
    if len(data) > max_bytes:
        raise Refusal(413, "too_many_bytes", f"{len(data):,} bytes is more than the limit of {max_bytes:,}")
    return data
