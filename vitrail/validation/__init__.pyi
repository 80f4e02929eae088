from .config import ValidationConfig
from .validate import validate_data

__all__ = ["ValidationConfig", "validate_data"]
