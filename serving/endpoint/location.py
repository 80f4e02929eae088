"""Where the bundle is: named, inside the built Bento, or the champion of the repository around service.py."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import yaml

from vitrail.contracts.bundle import read_bundle
from vitrail.contracts.files import atomic_folder
from vitrail.errors import ServingError
from vitrail.registry import RegistryConfig

__all__ = ["bento_tag", "copy_library", "keep_release", "locate_bundle", "release_champion", "require_release"]

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
    """The bundle to serve or to build a Bento from.

    In a repository the champion becomes a release, which is also laid beside service.py as `bundle/`, and the
    library's source as `lib/`, so that `bentoml build` packs both.

    Args:
        here: The folder of service.py.
        named: The bundle that the user names, if any.
        model: The registered model whose champion is served; default: that of the emoji recipe.
        tracking_uri: The registry; default: the repository's own.
    """
    if named:
        return Path(named).resolve()
    repository = here.parent
    if not (repository / "vitrail" / "__init__.py").is_file():
        return here / _BUNDLE
    release = release_champion(repository, model, tracking_uri)
    with atomic_folder(here / _BUNDLE) as partial:
        shutil.copytree(release, partial, dirs_exist_ok=True)
    copy_library(repository / "vitrail", here)
    return release


def release_champion(repository: Path, model: str | None, tracking_uri: str | None) -> Path:
    """The champion of a repository's registry as a folder named by its digest; nothing is ever written into it again.

    Raises:
        ServingError: There is no champion.
        RegistryError: The registry cannot be read.
    """
    uri = tracking_uri or f"sqlite:///{repository / 'mlflow.db'}"
    registry = RegistryConfig(tracking_uri=uri, name=model or "vitrail")
    releases = repository / "runs" / "releases"
    releases.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=releases) as partial:
        bundle = _assemble_champion(Path(partial) / _BUNDLE, registry, repository / "runs" / "versions")
        return keep_release(bundle, releases)


def keep_release(bundle: Path, releases: Path) -> Path:
    """Moves a bundle to the folder among `releases` that its digest names, unless that is there already."""
    release = releases / read_bundle(bundle).digest
    if not release.exists():
        releases.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # another process was first, with the same
            bundle.rename(release)
    return release


def require_release(bundle: Path, digest: str | None) -> None:
    """Refuses a bundle that is not the one that this server was started with.

    Raises:
        ServingError: The folder holds another bundle now.
    """
    found = read_bundle(bundle).digest
    if digest and found != digest:
        raise ServingError(
            f"{bundle} holds release {found[:12]} now, but this server was started with {digest[:12]}; start the "
            "endpoint again to serve the other"
        )


def _assemble_champion(out: Path, registry: RegistryConfig, versions: Path) -> Path:
    from vitrail.packaging import EndpointConfig, assemble_bundle
    from vitrail.registry import fetch_version, find_champion

    champion = find_champion(registry)
    if champion is None:
        raise ServingError(
            f"the registry at {registry.tracking_uri} has no champion of {registry.name} to serve: run `make run` "
            "first, or name another registered model (--model, VITRAIL_MODEL) or a bundle (--bundle, VITRAIL_BUNDLE)"
        )
    version = fetch_version(champion, versions)
    features, labels = version / "features", version / "labels"
    return assemble_bundle(
        model=version / "model",
        index=version / "index",
        features=features if features.exists() else None,
        labels=labels if labels.exists() else None,
        out=out,
        config=EndpointConfig(),
        lineage=champion.lineage,
    )


def copy_library(package: Path, target: Path) -> None:
    """Copies the library's source into `lib/` of a build folder."""
    library = target / _LIBRARY / "vitrail"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(package, library, ignore=shutil.ignore_patterns("__pycache__"))
