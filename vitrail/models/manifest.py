"""What a model folder says of itself, read without torch: launchers and registries only look at it."""

from collections.abc import Sequence
from pathlib import Path

from vitrail.contracts.codec import encode, load
from vitrail.contracts.files import digest_json
from vitrail.contracts.models import MODEL_SCHEMA_VERSION, Architecture, HeadSpec, ModelManifest, Transforms
from vitrail.errors import ConfigError, CorpusError, ModelError

__all__ = ["MANIFEST_FILE", "load_manifest", "model_id"]

MANIFEST_FILE = "model.json"


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
    try:
        manifest = load(ModelManifest, folder / MANIFEST_FILE)
    except (CorpusError, ConfigError) as error:
        raise ModelError(f"{folder} is not a model folder: {error}") from error
    if manifest.schema_version != MODEL_SCHEMA_VERSION:
        raise ModelError(
            f"{folder / MANIFEST_FILE} has schema version {manifest.schema_version}, this code reads "
            f"{MODEL_SCHEMA_VERSION}; train the model again or use the release that wrote it"
        )
    if manifest.model_id != model_id(
        manifest.weights_digest, manifest.architecture, manifest.transforms, manifest.heads
    ):
        raise ModelError(f"{folder / MANIFEST_FILE} was edited: its model_id is not that of its contents")
    return manifest
