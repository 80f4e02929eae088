"""The pages' template environment: strict, and escaping everything."""

from jinja2 import Environment, PackageLoader, StrictUndefined

__all__ = ["environment"]


def environment() -> Environment:
    """Templates of this package."""
    return Environment(
        loader=PackageLoader("vitrail.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
