"""The bundle contract: everything an endpoint needs in one folder, bound by digests.

    bundle.json                 BundleManifest
    model/ index/ features/     what the endpoint loads; features/ is absent when the version has none
    labels/                     `vitrail.contracts.gallery_labels`; absent without features or without a dictionary
    golden/images.parquet       GOLDEN_SCHEMA: encoded images of the test split
    golden/answers.npz          what the trainer says about them, in the same order: embeddings [N, D],
                                keys [N, k], distances [N, k] in bits, and `probabilities/<head>` [N, C]

A bundle without golden/ can be served but not proven. This module imports no model code: the process that
only starts an endpoint reads it.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

from vitrail.contracts.codec import encode, read, write
from vitrail.contracts.contract import Contract
from vitrail.contracts.files import digest_file, digest_json
from vitrail.contracts.lineage import Lineage
from vitrail.errors import ServingError

__all__ = [
    "GOLDEN_ANSWERS_FILE",
    "GOLDEN_FOLDER",
    "GOLDEN_IMAGES_FILE",
    "GOLDEN_SCHEMA",
    "BundleManifest",
    "open_bundle",
    "read_bundle",
    "seal_bundle",
]

GOLDEN_FOLDER = "golden"
GOLDEN_IMAGES_FILE = "images.parquet"
GOLDEN_ANSWERS_FILE = "answers.npz"

GOLDEN_SCHEMA = pa.schema([("image_id", pa.string()), ("image", pa.binary())])


@dataclass(frozen=True, kw_only=True)
class BundleManifest(
    Contract,
    noun="a bundle",
    file="bundle.json",
    error=ServingError,
    remedy="package the endpoint again (step package_endpoint)",
):
    """What a bundle holds and what its endpoint accepts (`bundle.json`)."""

    model_id: str
    index_digest: str
    lineage: Lineage
    num_golden: int
    num_neighbours: int  # in each golden answer
    max_bytes: int  # of an uploaded image
    max_pixels: int
    max_batch_size: int
    files: dict[str, str] = field(default_factory=dict)  # relative path to SHA-256, all but this one
    digest: str = ""  # SHA-256 over everything else; the identity of the bundle


def seal_bundle(folder: Path, manifest: BundleManifest) -> BundleManifest:
    """Writes `bundle.json` with the digests of everything in `folder`."""
    unsigned = replace(manifest, files=_digests(folder), digest="")
    sealed = replace(unsigned, digest=_identity(unsigned))
    write(folder, sealed)
    return sealed


def read_bundle(folder: Path) -> BundleManifest:
    """Reads a bundle's manifest; its files are not looked at.

    Raises:
        ServingError: There is no bundle, or its manifest was edited.
    """
    manifest = read(BundleManifest, folder)
    if manifest.digest != _identity(manifest):
        raise ServingError(f"{folder / manifest.FILE} was edited; {manifest.REMEDY}")
    return manifest


def open_bundle(folder: Path) -> BundleManifest:
    """Reads a bundle's manifest and checks every file against it.

    Raises:
        ServingError: There is no bundle, or a file of it is missing, changed or extra.
    """
    manifest = read_bundle(folder)
    found = _digests(folder)
    names = sorted(found.keys() | manifest.files)
    wrong = [name for name in names if found.get(name) != manifest.files.get(name)]
    if wrong:
        raise ServingError(
            f"{folder} is damaged: {', '.join(wrong[:5])} missing, changed or not part of it; {manifest.REMEDY}"
        )
    return manifest


def _digests(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / BundleManifest.FILE)
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in paths}


def _identity(manifest: BundleManifest) -> str:
    return digest_json(encode(replace(manifest, digest="")))
