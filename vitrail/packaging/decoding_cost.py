"""What decoding an image costs, told from its header, so that costly ones are refused or wait for each other.

Measured on one core of a server, to the model's input, at 12 million pixels: PNG 2 to 49 ns a pixel (RGBA most),
WebP 10 to 31, JPEG 0.4 to 3 (its pixels are reduced while decoding), and 1 more for each scan of a progressive one.
"""

from dataclasses import dataclass, field

from vitrail.config import Config, require
from vitrail.corpus.pixels import jpeg, png
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.probe import ImageInfo, probe_image
from vitrail.errors import CorpusError

__all__ = ["DecodingLimits", "estimate_decoding_s"]

_NS_PER_PIXEL = {"png": 50.0, "webp": 31.0, "jpeg": 2.0}
_NS_PER_PIXEL_AND_SCAN = 1.0
_S_PER_CHUNK = 1e-5  # of a PNG, in Pillow's Python
_MAX_CHUNKS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class DecodingLimits(Config):
    """Which images an endpoint decodes.

    Attributes:
        image: Bytes and pixels.
        max_side: Pixels along the longer side.
        max_aspect: Longer side over shorter side.
        unweighed_pixels: Up to here an image may be compressed as it likes.
        max_pixels_per_byte: Beyond; blank drawings have about 300, photographs 10.
        max_estimated_s: Seconds of one core, by the header.
        max_cpu_s: Seconds of one core after which decoding ends, whatever the header said.
    """

    image: ImageLimits = field(default_factory=ImageLimits)
    max_side: int = 32_768
    max_aspect: int = 100
    unweighed_pixels: int = 4_000_000
    max_pixels_per_byte: int = 500
    max_estimated_s: float = 1.0
    max_cpu_s: float = 3.0

    def __post_init__(self) -> None:
        for name in ("max_side", "max_aspect", "max_pixels_per_byte", "max_estimated_s", "max_cpu_s"):
            require(getattr(self, name) > 0, name, getattr(self, name), "give a positive number")


def estimate_decoding_s(data: bytes, limits: DecodingLimits) -> float:
    """Seconds of one core that decoding takes at most.

    Raises:
        CorpusError: Not an image that can be read, or beyond a limit; the message says which.
    """
    info = probe_image(data, limits.image)
    _require_shape(info, limits)
    num_pixels = info.width * info.height
    if num_pixels > max(limits.unweighed_pixels, limits.max_pixels_per_byte * len(data)):
        raise CorpusError(
            f"{num_pixels:,} pixels in {len(data):,} bytes is a blank picture or an attack; "
            f"send no more than {limits.max_pixels_per_byte} pixels a byte, or a smaller picture"
        )
    estimated_s = _decoding_s(data, info)
    if estimated_s > limits.max_estimated_s:
        raise CorpusError(
            f"decoding a {info.format} image of {info.width} x {info.height} pixels in {len(data):,} bytes takes about "
            f"{estimated_s:.1f} s, the limit is {limits.max_estimated_s:g} s; send a smaller picture or a baseline JPEG"
        )
    return estimated_s


def _require_shape(info: ImageInfo, limits: DecodingLimits) -> None:
    longer, shorter = max(info.width, info.height), min(info.width, info.height)
    if longer > limits.max_side:
        raise CorpusError(f"a side of {longer:,} pixels is more than the limit of {limits.max_side:,}")
    if longer > limits.max_aspect * shorter:
        raise CorpusError(
            f"{info.width} x {info.height} pixels is narrower than 1 to {limits.max_aspect}; cut out what matters"
        )


def _decoding_s(data: bytes, info: ImageInfo) -> float:
    ns_per_pixel = _NS_PER_PIXEL[info.format]
    overhead_s = 0.0
    if info.format == "jpeg":
        ns_per_pixel += _NS_PER_PIXEL_AND_SCAN * jpeg.num_scans(data)
    elif info.format == "png":
        overhead_s = _S_PER_CHUNK * png.num_chunks(data, at_most=_MAX_CHUNKS)
    return info.width * info.height * ns_per_pixel / 1e9 + overhead_s
