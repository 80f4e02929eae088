"""From the registry to a folder."""

import logging
from pathlib import Path

from vitrail.contracts.files import atomic_folder
from vitrail.contracts.registry import ModelVersion
from vitrail.errors import RegistryError
from vitrail.registry.client import connect
from vitrail.registry.config import RegistryConfig
from vitrail.registry.version_folder import verify_artifacts

__all__ = ["fetch_version"]

logger = logging.getLogger(__name__)


def fetch_version(version: ModelVersion, out: Path) -> Path:
    """Downloads a version's artifacts into a folder of their own below `out`, unless they are there.

    Args:
        version: What `register_model` or `find_champion` returned.
        out: A cache folder; several versions may share it.

    Returns:
        The folder with `model/`, `index/` and, when the version has them, `features/`.

    Raises:
        RegistryError: The registry cannot be reached, or a file is not the one that was registered.
    """
    target = out / f"{version.name}-{version.version}-{version.artifacts_digest[:12]}"
    if target.exists():
        try:
            verify_artifacts(target, version.artifacts_digest)
        except RegistryError as error:
            logger.warning("%s; fetching %s again", error, version.reference)
        else:
            return target
    with atomic_folder(target) as partial:
        config = RegistryConfig(tracking_uri=version.tracking_uri, name=version.name)
        with connect(config) as client:
            client.download_artifacts(version.mlflow_run_id, "", str(partial))
        verify_artifacts(partial, version.artifacts_digest)
    return target
