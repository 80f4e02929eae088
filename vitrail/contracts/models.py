"""The model contract: weights and everything needed to use them, without pickle.

model.safetensors   the state dict of trunk and heads
model.json          ModelManifest
training.jsonl      how it was trained, one JSON object per logged step
"""

from dataclasses import dataclass, field
from typing import Any

from vitrail.contracts.contract import Contract
from vitrail.contracts.lineage import Lineage
from vitrail.errors import ModelError

__all__ = ["METRICS_FILE", "WEIGHTS_FILE", "Architecture", "HeadSpec", "ModelManifest", "Transforms"]

WEIGHTS_FILE = "model.safetensors"
METRICS_FILE = "training.jsonl"


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A timm model: its registered name and the keyword arguments of `timm.create_model`."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Transforms:
    """From encoded bytes to the model's input: the same for training's evaluation pass, export and endpoint.

    Transparent pixels are laid over `background` (R, G, B in 0..255); the image is resized to fit a square of
    `image_size` pixels, padded with `background`, scaled to [0, 1] and normalised with `mean` and `std`.
    """

    image_size: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class HeadSpec:
    """One output of the model; what it means is said by its kind (`vitrail.tasks.kinds`)."""

    name: str
    kind: str  # name of a task kind
    dim: int  # outputs, or width of an embedding
    classes: tuple[str, ...] = ()  # label terms or class names, in the order of the probabilities
    label_ids: tuple[int, ...] = ()  # of a head on weak labels: the vocabulary's stable ids, in the same order
    activation: str = "softmax"  # from logits to probabilities: one that the kind knows


@dataclass(frozen=True, kw_only=True)
class ModelManifest(
    Contract,
    noun="a model",
    file="model.json",
    error=ModelError,
    remedy="train the model again, or use the release that wrote it",
):
    """A model folder's JSON half (`model.json`)."""

    model_id: str  # SHA-256 over the weights' digest, architecture, transforms and heads
    weights_digest: str
    architecture: Architecture
    transforms: Transforms
    heads: tuple[HeadSpec, ...]
    lineage: Lineage
