from .config import EvaluationConfig, IndexConfig
from .evaluate import evaluate_model
from .index_building import build_index
from .neighbour_index import GalleryIndex, GalleryItem, open_index
from .search import nearest_binary, nearest_float
from .split_measures import evaluate_predict_fn

__all__ = [
    "EvaluationConfig",
    "GalleryIndex",
    "GalleryItem",
    "IndexConfig",
    "build_index",
    "evaluate_model",
    "evaluate_predict_fn",
    "nearest_binary",
    "nearest_float",
    "open_index",
]
