"""Pictures and tars made on the spot for the corpus tests."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Picture = Callable[..., bytes]
Tar = Callable[[Path, Mapping[str, bytes]], Path]


@pytest.fixture
def picture() -> Picture:
    """Makes the bytes of a picture of random blocks: `picture(seed, side=40, format="PNG")`."""

    def make(seed: int, side: int = 40, format: str = "PNG", **options: object) -> bytes:  # noqa: A002
        blocks = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        image = Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST)
        stream = io.BytesIO()
        image.save(stream, format, **options)
        return stream.getvalue()

    return make


@pytest.fixture
def tar() -> Tar:
    """Writes a tar with the given members, as webdataset and img2dataset do."""

    def write(path: Path, members: Mapping[str, bytes]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w") as stream:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                stream.addfile(info, io.BytesIO(data))
        return path

    return write
