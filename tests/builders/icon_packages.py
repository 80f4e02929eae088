"""Packages of icon sets like npm's, with a few drawings."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SQUARE = '<path fill="currentColor" d="M4 4h{0}v{0}H4z"/>'


def square(size: float) -> dict[str, Any]:
    """A drawing of its own for every size below 20."""
    return {"body": SQUARE.format(size)}


def icon_set(prefix: str, icons: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A set in the package's format; `more` are further fields of it, those of its card among them."""
    card = {
        "name": more.pop("name", prefix.title()),
        "author": {"name": more.pop("author", f"author of {prefix}"), "url": f"https://example.org/{prefix}"},
        "license": {"title": "Some", "spdx": more.pop("licence", "MIT"), "url": ""},
        "category": more.pop("kind", "UI 24px"),
    }
    return {
        "prefix": prefix,
        "info": card,
        "lastModified": 1_700_000_000,
        "width": 24,
        "height": 24,
        "icons": dict(icons),
        **more,
    }


def write_package(path: Path, sets: Iterable[Mapping[str, Any]]) -> Path:
    """Packs sets as npm does."""
    with tarfile.open(path, "w:gz") as tar:
        for data in ({"prefix": "collections"}, *sets):
            folder = "package/json" if "icons" in data else "package"
            content = json.dumps(data).encode()
            info = tarfile.TarInfo(f"{folder}/{data['prefix']}.json")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path
