"""What tests are built on: one module for each kind of thing that is made. Nothing here asserts."""

from pathlib import Path

__all__ = ["REPOSITORY"]

REPOSITORY = Path(__file__).parents[2]
