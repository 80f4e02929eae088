"""What a model folder says of itself, read without torch: launchers and registries only look at it."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.codec import encode, read
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import Architecture, HeadSpec, ModelManifest, Transforms
from vitrail.errors import ModelError

__all__ = ["load_manifest", "model_id"]


def model_id(weights_digest: str, architecture: Architecture, transforms: Transforms, heads: Sequence[HeadSpec]) -> str:
    """Digest of everything that decides a model's answers."""
    return digest_json(
        {
            "weights": weights_digest,
            "architecture": encode(architecture),
            "transforms": encode(transforms),
            "heads": [encode(spec) for spec in heads],
        }
    )


def load_manifest(folder: Path) -> ModelManifest:
    """Reads `model.json` and checks that its id belongs to its contents.

    Raises:
        ModelError: The file is absent, malformed, of another schema version, or was edited.
    """
    manifest = read(ModelManifest, folder)
    if manifest.model_id != model_id(
        manifest.weights_digest, manifest.architecture, manifest.transforms, manifest.heads
    ):
        raise ModelError(
            f"{folder / manifest.FILE} was edited: its model_id is not that of its contents; {manifest.REMEDY}"
        )
    return manifest
