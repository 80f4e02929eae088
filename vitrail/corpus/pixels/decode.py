"""Image bytes to pixels: limits are checked on the header, before any pixel is decoded.

The header is read by hand, so that a decompression bomb is refused with its size; Pillow's own guard stays
switched on behind it.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from vitrail.config import Config, require
from vitrail.errors import CorpusError

__all__ = [
    "DEFAULT_LIMITS",
    "ImageInfo",
    "ImageLimits",
    "decode_image",
    "draw_thumbnail",
    "fit_size",
    "open_flat",
    "probe_image",
    "verify_image",
]

_PILLOW_PIXELS = 89_478_485  # Image.MAX_IMAGE_PIXELS as Pillow ships it
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_JPEG_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
_SHRINK_GAP = 2  # images are reduced to no less than twice the wanted size; the filter does the rest
_WHITE = (255, 255, 255)
_OTHER_FORMATS = {
    b"GIF8": "gif",
    b"BM": "bmp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"%PDF": "pdf",
    b"<svg": "svg",
    b"<?xml": "xml or svg",
    b"<!DOC": "html",
    b"<html": "html",
}


@dataclass(frozen=True, kw_only=True)
class ImageLimits(Config):
    """What an image may measure at most; anything larger is refused before it is decoded."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 50_000_000

    def __post_init__(self) -> None:
        require(self.max_bytes > 0, "max_bytes", self.max_bytes, "give a positive number of bytes")
        require(
            0 < self.max_pixels <= _PILLOW_PIXELS,
            "max_pixels",
            self.max_pixels,
            f"give 1 to {_PILLOW_PIXELS:,}, the size from which Pillow suspects a decompression bomb",
        )


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header of an image says."""

    format: str
    width: int
    height: int


def probe_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageInfo:
    """Format and size from the header.

    Raises:
        CorpusError: Not a PNG, JPEG or WebP image, a broken header, or beyond the limits.
    """
    if len(data) > limits.max_bytes:
        raise CorpusError(f"{len(data):,} bytes is more than the limit of {limits.max_bytes:,}")
    try:
        info = _read_header(data)
    except (struct.error, IndexError) as error:
        raise CorpusError(f"the header is truncated after {len(data):,} bytes") from error
    if info.width < 1 or info.height < 1:
        raise CorpusError(f"{info.width} x {info.height} pixels is not an image")
    if info.width * info.height > limits.max_pixels:
        pixels = f"{info.width} x {info.height} = {info.width * info.height:,} pixels"
        raise CorpusError(f"{pixels} is more than the limit of {limits.max_pixels:,}")
    return info


def _read_header(data: bytes) -> ImageInfo:
    if data.startswith(_PNG_SIGNATURE):
        if data[12:16] != b"IHDR":
            raise CorpusError("a PNG without header chunk")
        return ImageInfo("png", *struct.unpack_from(">II", data, 16))
    if data.startswith(_JPEG_SIGNATURE):
        return ImageInfo("jpeg", *_jpeg_size(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageInfo("webp", *_webp_size(data))
    raise CorpusError(_unknown_format(data))


def _unknown_format(data: bytes) -> str:
    if not data:
        return "the file is empty"
    for start, name in _OTHER_FORMATS.items():
        if data.startswith(start):
            return f"format {name} is not supported; convert it to PNG, JPEG or WebP"
    return f"not a PNG, JPEG or WebP image (it starts with {data[:8]!r})"


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        while data[at] != 0xFF or data[at + 1] == 0xFF:  # fill bytes before a marker
            at += 1
        marker = data[at + 1]
        if marker in _JPEG_SIZE_MARKERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        if marker in (0xD9, 0xDA):
            raise CorpusError("a JPEG without a frame header")
        at += 2 if marker in _JPEG_BARE_MARKERS else 2 + struct.unpack_from(">H", data, at + 2)[0]


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise CorpusError(f"a WebP with unknown first chunk {kind!r}")


def verify_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageInfo:
    """As `probe_image`, and also refuses images cut short, without decoding a pixel.

    PNG chunks are walked and their checksums compared; a JPEG must hold its end marker and a WebP its length.

    Raises:
        CorpusError: As `probe_image`, or the image is truncated or damaged.
    """
    info = probe_image(data, limits)
    if info.format == "png":
        _verify_png(data)
    elif info.format == "jpeg" and b"\xff\xd9" not in data[-65536:]:
        raise CorpusError("the JPEG is truncated: it has no end marker")
    elif info.format == "webp" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise CorpusError("the WebP is truncated: it is shorter than its header says")
    return info


def _verify_png(data: bytes) -> None:
    for kind, body_at, length in _png_chunks(data):
        (stored,) = struct.unpack_from(">I", data, body_at + length)
        if zlib.crc32(memoryview(data)[body_at - 4 : body_at + length]) != stored:
            raise CorpusError(f"the PNG is damaged: wrong checksum in its {kind.decode('latin-1')} chunk")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(_PNG_SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise CorpusError("the PNG is truncated: it has no end chunk")
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        if at + 12 + length > len(data):
            raise CorpusError(f"the PNG is truncated inside its {kind.decode('latin-1')} chunk")
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length


def decode_image(
    data: bytes,
    background: tuple[int, int, int] = _WHITE,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Pixels of an image, upright, transparent ones laid over `background`: uint8 [H, W, 3].

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    return np.asarray(open_flat(data, background, limits, None))


def draw_thumbnail(data: bytes, size: int, limits: ImageLimits = DEFAULT_LIMITS) -> np.ndarray:
    """A picture of an image for people and comparisons, on a white square: uint8 [size, size, 3].

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    image = open_flat(data, _WHITE, limits, size)
    square = Image.new("RGB", (size, size), _WHITE)
    fitted = fit_size(image.size, size)
    part = image.resize(fitted, Image.Resampling.BICUBIC, reducing_gap=_SHRINK_GAP)
    square.paste(part, ((size - fitted[0]) // 2, (size - fitted[1]) // 2))
    return np.asarray(square)


def fit_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of an image fitted into a square."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def open_flat(data: bytes, background: tuple[int, int, int], limits: ImageLimits, side: int | None) -> Image.Image:
    """A decoded RGB image, upright, over `background`; a JPEG no larger than is needed to fit `side`, or whole.

    Raises:
        CorpusError: The image is beyond the limits or cannot be decoded.
    """
    info = probe_image(data, limits)
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=(info.format.upper(),))
        if side is not None and info.format == "jpeg":
            image.draft("RGB", fit_size(image.size, side * _SHRINK_GAP))
        if "exif" in image.info:
            image = ImageOps.exif_transpose(image)
        return _flatten(image, background)
    except _DECODE_ERRORS as error:
        raise CorpusError(f"the {info.format} image cannot be decoded: {error}") from error


def _flatten(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips instead of scaling
        grey = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        if image.mode != "RGBA":
            image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, background)
        flat.paste(image, (0, 0), image)
        return flat
    return image.convert("RGB")
