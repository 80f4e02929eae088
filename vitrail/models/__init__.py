"""Models: a timm trunk with heads, its folder on disk, and inference from it."""

from vitrail.models.model import VitrailModel
from vitrail.models.predictor import Predictions, Predictor, pack_codes
from vitrail.models.store import load_manifest, load_model, load_trunk_weights, save_model

__all__ = [
    "Predictions",
    "Predictor",
    "VitrailModel",
    "load_manifest",
    "load_model",
    "load_trunk_weights",
    "pack_codes",
    "save_model",
]
