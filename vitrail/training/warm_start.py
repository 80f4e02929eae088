"""Going on from an earlier model: its trunk, and its weak-label head carried over to the new vocabulary."""

import logging
from pathlib import Path

import torch

from vitrail.contracts.codec import read_optional
from vitrail.contracts.labels import LabelDiff
from vitrail.contracts.models import WEIGHTS_FILE
from vitrail.labels import remap_head
from vitrail.models import VitrailModel, load_model, load_trunk_weights

__all__ = ["ANNOTATIONS", "carry_annotation_head", "start_from"]

logger = logging.getLogger(__name__)

ANNOTATIONS = "annotations"


def start_from(model: VitrailModel, weights: Path, labels: Path) -> None:
    """Starts a model from a safetensors file, or from a model folder whose weak-label head then goes on too.

    Args:
        model: As it was initialised; changed in place.
        weights: The file or folder.
        labels: Label set of the new head.

    Raises:
        ModelError: The weights cannot be read or are of another architecture.
    """
    if not weights.is_dir():
        load_trunk_weights(model, weights)
        return
    earlier, manifest = load_model(weights)
    load_trunk_weights(model, weights / WEIGHTS_FILE)
    carry_annotation_head(model, earlier, manifest.lineage.labels_digest, labels)


def carry_annotation_head(model: VitrailModel, earlier: VitrailModel, earlier_labels: str | None, labels: Path) -> None:
    """Copies the rows of labels that were kept, averages those of labels that merged; new ones stay initialised.

    What merged is known when `labels` were derived with the earlier model's label set as previous one. Otherwise
    labels are told by their ids alone. Nothing is carried between heads of different losses.

    Args:
        model: Changed in place.
        earlier: The model to go on from.
        earlier_labels: Digest of the label set that one was trained on.
        labels: Label set of the new head.
    """
    old = next((spec for spec in earlier.specs if spec.name == ANNOTATIONS), None)
    new = next((spec for spec in model.specs if spec.name == ANNOTATIONS), None)
    if not (old and new) or old.activation != new.activation:
        return
    origins = _origins(labels, earlier_labels)
    rows = earlier.heads[ANNOTATIONS].state_dict()
    with torch.no_grad():
        for name, tensor in model.heads[ANNOTATIONS].state_dict().items():
            remapped = remap_head(rows[name].numpy(), old.label_ids, new.label_ids, origins, tensor.numpy())
            tensor.copy_(torch.from_numpy(remapped))
    known = set(old.label_ids)
    num_kept = sum(label_id in known for label_id in new.label_ids)
    logger.info("the weak-label head goes on: %d of %d labels kept, %d merged", num_kept, new.dim, len(origins))


def _origins(labels: Path, earlier_labels: str | None) -> dict[int, tuple[int, ...]]:
    """Old labels of each label that several merged into."""
    diff = read_optional(LabelDiff, labels)
    return diff.merged if diff and diff.old_digest == earlier_labels else {}
