"""Any mode of pixels to RGB, transparent ones laid over a background."""

import numpy as np
from PIL import Image

__all__ = ["flatten"]

Colour = tuple[int, int, int]

_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")


def flatten(image: Image.Image, background: Colour, sample_bits: int = 8) -> Image.Image:
    """An RGB image with its pixels loaded.

    Args:
        image: Of any mode that Pillow reads from PNG, JPEG or WebP.
        background: What is seen through transparent pixels.
        sample_bits: Of the file; a PNG's transparent colour is written in samples of this size.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I"):
        return _flatten_deep_grey(image, background)
    if "transparency" in image.info:
        _scale_key(image, sample_bits)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        if image.mode != "RGBA":
            image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, background)
        flat.paste(image, (0, 0), image)
        return flat
    return image.convert("RGB")


def _flatten_deep_grey(image: Image.Image, background: Colour) -> Image.Image:
    """16-bit grey: Pillow's own conversion clips instead of scaling, and knows no transparency."""
    samples = np.asarray(image)
    grey = Image.fromarray((samples.astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey.paste(background, (0, 0), Image.fromarray(samples == key))
    return grey


def _scale_key(image: Image.Image, sample_bits: int) -> None:
    """Writes the transparent colour in 8 bits, as its pixels are; Pillow leaves it as the file has it."""
    key = image.info["transparency"]
    if image.mode in ("L", "RGB") and sample_bits != 8:  # others have the alpha of a palette, or black and white
        scaled = [_to_byte(sample, sample_bits) for sample in (key if isinstance(key, tuple) else (key,))]
        image.info["transparency"] = tuple(scaled) if isinstance(key, tuple) else scaled[0]


def _to_byte(sample: int, bits: int) -> int:
    """As Pillow scales pixels; of 16 bits the upper half is compared, since the lower is not decoded."""
    return sample >> 8 if bits == 16 else sample * 255 // (2**bits - 1)
