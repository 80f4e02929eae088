"""Weak labels for images from the text around them."""

from vitrail.labels.balance import balance_weights
from vitrail.labels.config import LabelsConfig
from vitrail.labels.derivation import derive_labels
from vitrail.labels.diff import LabelDiff, diff_labels, remap_head
from vitrail.labels.encoder import load_encoder
from vitrail.labels.explain import Explanation, explain_image, source_support
from vitrail.labels.label_set import LabelSet, open_labels
from vitrail.labels.text_features import build_text_features

__all__ = [
    "Explanation",
    "LabelDiff",
    "LabelSet",
    "LabelsConfig",
    "balance_weights",
    "build_text_features",
    "derive_labels",
    "diff_labels",
    "explain_image",
    "load_encoder",
    "open_labels",
    "remap_head",
    "source_support",
]
