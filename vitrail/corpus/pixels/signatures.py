"""What a file is, told by its first bytes and never by its name."""

__all__ = ["NUM_SIGNATURE_BYTES", "READABLE_FORMATS", "describe_format", "image_format"]

NUM_SIGNATURE_BYTES = 64
READABLE_FORMATS = ("png", "jpeg", "webp")

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_STARTS = {
    b"GIF8": "gif",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"8BPS": "psd",
    b"\0\0\1\0": "ico",
    b"\xff\x0a": "jpeg xl",
    b"\0\0\0\x0cJXL ": "jpeg xl",
    b"\0\0\0\x0cjP  ": "jpeg 2000",
    b"<svg": "svg",
}
_BRANDS = {  # of ISO media files, in bytes 8 to 12
    b"heic": "heic", b"heix": "heic", b"heim": "heic", b"heis": "heic", b"hevc": "heic", b"hevx": "heic",
    b"mif1": "heic", b"msf1": "heic", b"avif": "avif", b"avis": "avif",
}  # fmt: skip
_OTHERS = {b"%PDF": "pdf", b"<?xml": "xml or svg", b"<!DOC": "html", b"<html": "html"}


def image_format(start: bytes) -> str | None:
    """The image format that a file begins with, or None; those that can be read are READABLE_FORMATS.

    Args:
        start: At least NUM_SIGNATURE_BYTES of the file, or all of it.
    """
    if start.startswith(_PNG):
        return "png"
    if start.startswith(_JPEG):
        return "jpeg"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12])
    if start[:2] == b"BM" and start[6:10] == bytes(4):  # the two letters alone begin many texts
        return "bmp"
    return next((name for begin, name in _STARTS.items() if start.startswith(begin)), None)


def describe_format(start: bytes) -> str:
    """Why a file cannot be read as an image, by what it begins with."""
    if not start:
        return "the file is empty"
    name = image_format(start) or next((name for begin, name in _OTHERS.items() if start.startswith(begin)), None)
    if name is not None:
        return f"format {name} is not supported; convert it to PNG, JPEG or WebP"
    return f"not a PNG, JPEG or WebP image (it starts with {start[:8]!r})"
