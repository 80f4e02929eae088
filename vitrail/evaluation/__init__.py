"""Evaluation: exact retrieval and per-class metrics with intervals, and the index that is served."""

from vitrail.evaluation.config import EvaluationConfig, IndexConfig
from vitrail.evaluation.evaluate import EVALUATION_FILE, NEIGHBOURS_FILE, evaluate_model
from vitrail.evaluation.index import GalleryIndex, GalleryItem, build_index, open_index
from vitrail.evaluation.search import nearest_binary, nearest_float

__all__ = [
    "EVALUATION_FILE",
    "NEIGHBOURS_FILE",
    "EvaluationConfig",
    "GalleryIndex",
    "GalleryItem",
    "IndexConfig",
    "build_index",
    "evaluate_model",
    "nearest_binary",
    "nearest_float",
    "open_index",
]
