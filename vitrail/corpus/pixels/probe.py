"""What an image is, read by hand from its header: limits are checked before any pixel is decoded."""

import struct
from dataclasses import dataclass
from types import ModuleType

from vitrail.corpus.pixels import jpeg, png, webp
from vitrail.corpus.pixels.limits import DEFAULT_LIMITS, ImageLimits
from vitrail.corpus.pixels.signatures import NUM_SIGNATURE_BYTES, describe_format, image_format
from vitrail.errors import CorpusError

__all__ = ["FORMATS", "ImageInfo", "probe_image", "verify_image"]

# Each tells size_of, require_whole, exif_of and without_metadata.
FORMATS: dict[str, ModuleType] = {"png": png, "jpeg": jpeg, "webp": webp}


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
    name = image_format(data)
    if name not in FORMATS:
        raise CorpusError(describe_format(data[:NUM_SIGNATURE_BYTES]))
    try:
        width, height = FORMATS[name].size_of(data)
    except struct.error as error:
        raise CorpusError(f"the header is truncated after {len(data):,} bytes") from error
    if width < 1 or height < 1:
        raise CorpusError(f"{width} x {height} pixels is not an image")
    if width * height > limits.max_pixels:
        pixels = f"{width} x {height} = {width * height:,} pixels"
        raise CorpusError(f"{pixels} is more than the limit of {limits.max_pixels:,}")
    return ImageInfo(name, width, height)


def verify_image(data: bytes, limits: ImageLimits = DEFAULT_LIMITS) -> ImageInfo:
    """As `probe_image`, and also refuses images cut short, without decoding a pixel.

    JPEG segments are followed to the end marker behind the scans, the checksums of PNG chunks that hold pixels
    are compared, and a WebP must be as long as it says.

    Raises:
        CorpusError: As `probe_image`, or the image is truncated or damaged.
    """
    info = probe_image(data, limits)
    FORMATS[info.format].require_whole(data)
    return info
