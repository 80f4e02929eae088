from .manifest import load_manifest
from .model import VitrailModel
from .predictor import Predictions, Predictor, pack_codes
from .store import load_model, load_trunk_weights, save_model

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
