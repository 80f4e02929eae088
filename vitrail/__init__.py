"""Vitrail: weakly labelled pretraining and multi-task visual representations, from text to a proven endpoint."""

__version__ = "0.1.0"
__all__ = ["__version__"]
