"""Where the bundle is: named, inside the built Bento, or the champion of the repository around service.py."""

import shutil
from pathlib import Path

import yaml

from vitrail.registry import RegistryConfig

__all__ = ["bento_tag", "copy_library", "locate_bundle"]

_LIBRARY = "lib"
_BUNDLE = "bundle"


def bento_tag(here: Path) -> str | None:
    """The tag of the Bento that service.py is in; None outside of one."""
    manifest = here.parent / "bento.yaml"
    if not manifest.is_file():
        return None
    info = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    return f"{info['name']}:{info['version']}"


def locate_bundle(here: Path, named: str | None, model: str | None, tracking_uri: str | None) -> Path:
    """The bundle to serve.

    In a repository the champion is written to `bundle/` and the library's source to `lib/` beside service.py,
    so that `bentoml build` packs both.

    Args:
        here: The folder of service.py.
        named: The bundle that the user names, if any.
        model: The registered model whose champion is served; default: that of the emoji recipe.
        tracking_uri: The registry; default: the repository's own.
    """
    if named:
        return Path(named).resolve()
    repository = here.parent
    if (repository / "vitrail" / "__init__.py").is_file():
        uri = tracking_uri or f"sqlite:///{repository / 'mlflow.db'}"
        _stage_champion(repository, here, RegistryConfig(tracking_uri=uri, name=model or "vitrail"))
    return here / _BUNDLE


def _stage_champion(repository: Path, here: Path, registry: RegistryConfig) -> None:
    from vitrail.errors import ServingError
    from vitrail.packaging import EndpointConfig, assemble_bundle
    from vitrail.registry import fetch_version, find_champion

    champion = find_champion(registry)
    if champion is None:
        raise ServingError(
            f"the registry at {registry.tracking_uri} has no champion of {registry.name} to serve: run `make run` "
            "first, or name another registered model (--model, VITRAIL_MODEL) or a bundle (--bundle, VITRAIL_BUNDLE)"
        )
    version = fetch_version(champion, repository / "runs" / "versions")
    features = version / "features"
    assemble_bundle(
        model=version / "model",
        index=version / "index",
        features=features if features.exists() else None,
        out=here / _BUNDLE,
        config=EndpointConfig(),
        lineage=champion.lineage,
    )
    copy_library(repository / "vitrail", here)


def copy_library(package: Path, target: Path) -> None:
    """Copies the library's source into `lib/` of a build folder."""
    library = target / _LIBRARY / "vitrail"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(package, library, ignore=shutil.ignore_patterns("__pycache__"))
