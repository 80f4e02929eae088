"""What an image may measure at most."""

from dataclasses import dataclass

from vitrail.config import Config, require

__all__ = ["DEFAULT_LIMITS", "ImageLimits"]

_PILLOW_PIXELS = 89_478_485  # Image.MAX_IMAGE_PIXELS as Pillow ships it


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
