"""Writes `requirements.txt`: what the endpoint imports and all below it, pinned as in this environment.

python -m serving.requirements
"""

import importlib.metadata
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["pinned_requirements"]

ROOTS = (
    "bentoml",
    "feast[duckdb]",
    "fsspec",
    "httpx",
    "lazy-loader",
    "numpy",
    "pillow",
    "polars",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "rich",
    "safetensors",
    "timm",
    "torch",
    "torchvision",
    "usearch",
    "xxhash",
)
_INSTALLERS = {"pip", "setuptools"}  # every image brings its own
_FILE = Path(__file__).with_name("requirements.txt")


def pinned_requirements() -> str:
    """One `name==version` a line, sorted; extras are followed where a requirement asks for them."""
    pins: dict[str, str] = {}
    waiting = [entry for root in ROOTS for entry in _entries(Requirement(root))]
    seen = set(waiting)
    while waiting:
        name, extra = waiting.pop()
        distribution = importlib.metadata.distribution(name)
        pins[canonicalize_name(name)] = distribution.version.partition("+")[0]
        for requirement in map(Requirement, distribution.requires or ()):
            if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
                continue
            new = [entry for entry in _entries(requirement) if entry not in seen]
            seen.update(new)
            waiting += new
    return "".join(f"{name}=={pins[name]}\n" for name in sorted(pins.keys() - _INSTALLERS))


def _entries(requirement: Requirement) -> list[tuple[str, str]]:
    """The distribution itself, and once more for each extra that is asked for."""
    return [(str(canonicalize_name(requirement.name)), extra) for extra in ("", *requirement.extras)]


if __name__ == "__main__":
    _FILE.write_text(pinned_requirements(), encoding="utf-8")
    sys.stderr.write(f"wrote {_FILE.name}\n")
