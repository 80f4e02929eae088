"""The image of each stage family, built from `containers/`."""

from vitrail import __version__

__all__ = ["IMAGES", "pulled_from"]

IMAGES = {family: f"vitrail/python-{family}:{__version__}" for family in ("data", "train", "serve")}


def pulled_from(prefix: str, image: str) -> str:
    """The name of the image in the registry that a cluster pulls from; as it is without one."""
    return f"{prefix}/{image}" if prefix else image
