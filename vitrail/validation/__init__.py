"""Validation of a run's data with Great Expectations, before anything is trained on it."""

from vitrail.validation.config import ValidationConfig
from vitrail.validation.validate import validate_data

__all__ = ["ValidationConfig", "validate_data"]
