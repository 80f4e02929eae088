"""Trunks: any timm model by name, built without weights from the network."""

import difflib

import timm
import torch
from torch import nn

from vitrail.contracts.models import Architecture, Transforms
from vitrail.errors import ModelError

__all__ = ["create_trunk", "trunk_width"]

_FORBIDDEN_OPTIONS = {
    "pretrained": "start from a checkpoint with `initial_weights` instead",
    "checkpoint_path": "start from a safetensors file with `initial_weights` instead",
    "num_classes": "heads belong to the model, not to its trunk",
}


def create_trunk(architecture: Architecture, transforms: Transforms) -> nn.Module:
    """Builds a timm model that maps normalised images [B, 3, S, S] to pooled features [B, W].

    Trunks with a fixed input size (ViT and kin) are built for `transforms.image_size`.

    Raises:
        ModelError: timm does not know the name (near matches are listed) or refuses an option.
    """
    _check_name(architecture.name)
    for option, remedy in _FORBIDDEN_OPTIONS.items():
        if option in architecture.options:
            raise ModelError(f"architecture.options may not hold {option!r}: {remedy}")
    options = dict(architecture.options)
    if timm.get_pretrained_cfg(architecture.name).fixed_input_size:
        options.setdefault("img_size", transforms.image_size)
    try:
        return timm.create_model(architecture.name, pretrained=False, num_classes=0, **options)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise ModelError(f"timm cannot build {architecture.name} with options {options}: {error}") from error


def _check_name(name: str) -> None:
    known = timm.list_models()
    base = name.partition(".")[0]  # "vit_base_patch16_224.orig_in21k" names weights of a model
    if base in known:
        return
    near = difflib.get_close_matches(base, known, n=5, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`timm.list_models()` lists the names"
    raise ModelError(f"architecture.name={name!r} is not a timm model; {hint}")


def trunk_width(trunk: nn.Module, image_size: int) -> int:
    """Number of pooled features W, measured with one blank image (timm's attributes differ by family)."""
    was_training = trunk.training
    trunk.eval()
    parameter = next(trunk.parameters())
    with torch.no_grad():
        blank = torch.zeros(1, 3, image_size, image_size, device=parameter.device, dtype=parameter.dtype)
        features = trunk(blank)
    trunk.train(was_training)
    return int(features.shape[1])
