"""Builds a Bento from a bundle: service, page, library source and bundle in one folder that runs anywhere."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import vitrail
from serving.endpoint.location import copy_library
from vitrail.contracts.bundle import open_bundle
from vitrail.contracts.files import digest_file, digest_json
from vitrail.contracts.serving import BuiltBento
from vitrail.errors import ServingError
from vitrail.packaging.endpoint_process import bentoml_command

__all__ = ["build_bento"]

_HERE = Path(__file__).resolve().parent
_SOURCES = ("service.py", "bentofile.yaml", "requirements.txt", "endpoint", "page")
_VERSION_CHARACTERS = 16
_LOG_LINES = 20


def build_bento(bundle: Path, home: Path) -> BuiltBento:
    """Builds a Bento in the store below `home`; the same bundle and sources give the same tag.

    Args:
        bundle: What `prepare_bundle` wrote.
        home: BENTOML_HOME of this run.

    Raises:
        ServingError: The bundle is damaged, or BentoML cannot build.
    """
    manifest = open_bundle(bundle)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bento-", dir=home) as name:
        folder = Path(name)
        _stage(bundle, folder)
        version = _version(folder, manifest.digest)
        built = BuiltBento(tag=f"vitrail:{version}", path=home / "bentos" / "vitrail" / version)
        if not (built.path / "bento.yaml").is_file():
            _run_build(folder, home, version)
    return built


def _stage(bundle: Path, folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    for name in _SOURCES:
        source = _HERE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copyfile(source, folder / name)
    shutil.copytree(bundle, folder / "bundle")
    copy_library(Path(vitrail.__file__).parent, folder)


def _version(folder: Path, bundle_digest: str) -> str:
    """From content: the bundle's digest covers its files, so only the sources are read again."""
    sources = [path for path in sorted(folder.rglob("*")) if path.is_file() and folder / "bundle" not in path.parents]
    digests = {path.relative_to(folder).as_posix(): digest_file(path) for path in sources}
    return digest_json({"bundle": bundle_digest, "sources": digests})[:_VERSION_CHARACTERS]


def _run_build(folder: Path, home: Path, version: str) -> None:
    """In a process of its own: BentoML keeps its home and what it imports for the life of a process."""
    settings = [f"BENTOML_HOME={home.resolve()}", "BENTOML_DO_NOT_TRACK=True", "VITRAIL_BUNDLE=", "VITRAIL_RELEASE="]
    command = bentoml_command("build", ".", "--version", version)
    done = subprocess.run(["env", *settings, *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).splitlines()[-_LOG_LINES:]
        raise ServingError("bentoml cannot build the endpoint:\n" + "\n".join(lines))
