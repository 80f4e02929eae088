"""Pictures as files hold them, and tars of them."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["make_picture", "write_tar"]


def make_picture(seed: int, side: int = 40, format: str = "PNG", **options: object) -> bytes:  # noqa: A002
    """The bytes of a picture of random blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST)
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes]) -> Path:
    """Writes a tar with the given members, as webdataset and img2dataset do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as stream:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            stream.addfile(info, io.BytesIO(data))
    return path
