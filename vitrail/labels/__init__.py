"""Weak labels for images from the text around them."""

from vitrail.labels.config import LabelsConfig
from vitrail.labels.derivation import derive_labels
from vitrail.labels.encoder import load_encoder
from vitrail.labels.label_set import LabelSet, open_labels
from vitrail.labels.text_features import build_text_features

__all__ = ["LabelSet", "LabelsConfig", "build_text_features", "derive_labels", "load_encoder", "open_labels"]
