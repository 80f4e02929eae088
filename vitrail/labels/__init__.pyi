from .config import LabelsConfig
from .derivation import derive_labels
from .diff import LabelDiff, diff_labels, remap_head
from .encoder import load_encoder
from .explain import Explanation, explain_image, source_support
from .label_set import LabelSet, open_labels
from .tail import BandCounts, TailReport, tail_report
from .text_features import build_text_features

__all__ = [
    "BandCounts",
    "Explanation",
    "LabelDiff",
    "LabelSet",
    "LabelsConfig",
    "TailReport",
    "build_text_features",
    "derive_labels",
    "diff_labels",
    "explain_image",
    "load_encoder",
    "open_labels",
    "remap_head",
    "source_support",
    "tail_report",
]
