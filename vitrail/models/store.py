"""Model folders: safetensors and JSON, tied together by digests; no pickle."""

import logging
import sys
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor, nn

from vitrail.contracts.codec import write
from vitrail.contracts.files import atomic_file, digest_file
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import WEIGHTS_FILE, ModelManifest
from vitrail.errors import ConfigError, ModelError
from vitrail.models.manifest import load_manifest, model_id
from vitrail.models.model import VitrailModel

__all__ = ["load_model", "load_trunk_weights", "save_model"]

logger = logging.getLogger(__name__)


def save_model(folder: Path, model: VitrailModel, lineage: Lineage) -> ModelManifest:
    """Writes the weights and then the manifest into `folder`; each file appears whole.

    Raises:
        OSError: The weights cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / WEIGHTS_FILE
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_file(weights) as partial:
        try:
            safetensors.torch.save_file(tensors, partial)
        except safetensors.SafetensorError as error:
            raise OSError(f"{weights} could not be written ({error})") from error
    weights_digest = digest_file(weights)
    manifest = ModelManifest(
        model_id=model_id(weights_digest, model.architecture, model.transforms, model.specs),
        weights_digest=weights_digest,
        architecture=model.architecture,
        transforms=model.transforms,
        heads=model.specs,
        lineage=lineage,
    )
    write(folder, manifest)
    return manifest


def load_model(folder: Path) -> tuple[VitrailModel, ModelManifest]:
    """Builds the model of a folder, on the CPU and in evaluation mode.

    Raises:
        ModelError: A file is missing, damaged, or belongs to another model.
    """
    manifest = load_manifest(folder)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise ModelError(f"{weights} does not exist; fetch the model again")
    if (digest := digest_file(weights)) != manifest.weights_digest:
        raise ModelError(
            f"{weights} has digest {digest[:12]}, {manifest.FILE} demands {manifest.weights_digest[:12]}; "
            "the file is damaged or belongs to another model: fetch the model again"
        )
    try:
        model = VitrailModel(manifest.architecture, manifest.transforms, manifest.heads)
    except ConfigError as error:
        raise ModelError(f"{folder / manifest.FILE}: {error}; use the release that trained this model") from error
    try:
        model.load_state_dict(safetensors.torch.load_file(weights))
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise ModelError(f"{weights} does not fit {manifest.architecture.name}: {error}") from error
    return model.eval(), manifest


def load_trunk_weights(model: VitrailModel, weights: Path) -> None:
    """Starts the trunk from a safetensors file: one of this project's, or one in timm's naming.

    Heads of the file are ignored; every tensor of the trunk must be there. Position embeddings and patch filters
    of another image or patch size are resampled where timm knows how.

    Raises:
        ModelError: The file cannot be read or is of another architecture.
    """
    try:
        tensors = safetensors.torch.load_file(weights)
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(
            f"{weights} is not a readable safetensors file: {error}; convert a pickled checkpoint where you trust it"
        ) from error
    trunk = {name.removeprefix("trunk."): value for name, value in tensors.items() if name.startswith("trunk.")}
    wanted = model.trunk.state_dict()
    found = {name: value for name, value in _resampled(trunk or tensors, model.trunk).items() if name in wanted}
    unfit = [name for name in wanted if name not in found or found[name].shape != wanted[name].shape]
    if unfit:
        raise ModelError(
            f"{weights} does not fit {model.architecture.name} {model.architecture.options}: "
            f"{len(unfit)} of {len(wanted)} tensors are missing or of another shape, the first is {unfit[0]}"
        )
    model.trunk.load_state_dict(found)
    logger.info("trunk starts from %s", weights)


def _resampled(tensors: dict[str, Tensor], trunk: nn.Module) -> dict[str, Tensor]:
    """As the family of the trunk reads its published checkpoints, when shapes differ."""
    shapes = {name: value.shape for name, value in trunk.state_dict().items()}
    is_fitting = all(value.shape == shapes.get(name, value.shape) for name, value in tensors.items())
    adapt = getattr(sys.modules[type(trunk).__module__], "checkpoint_filter_fn", None)
    return tensors if is_fitting or adapt is None else adapt(tensors, trunk)
