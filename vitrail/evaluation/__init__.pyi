from .config import EvaluationConfig, IndexConfig
from .evaluate import NEIGHBOURS_FILE, evaluate_model
from .neighbour_index import GalleryIndex, GalleryItem, build_index, open_index
from .search import nearest_binary, nearest_float

__all__ = [
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
