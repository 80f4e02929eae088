"""Writing bundles: everything an endpoint needs, and golden images to prove it with."""

import dataclasses
import shutil
from pathlib import Path

from vitrail.contracts.bundle import GOLDEN_FOLDER, BundleManifest, seal_bundle
from vitrail.contracts.codec import read
from vitrail.contracts.features import TRAINING_SETS_FOLDER
from vitrail.contracts.files import atomic_folder
from vitrail.contracts.gallery_labels import GALLERY_LABELS_FOLDER
from vitrail.contracts.index import IndexManifest
from vitrail.contracts.lineage import Lineage
from vitrail.corpus import open_corpus
from vitrail.errors import ServingError
from vitrail.models import load_manifest
from vitrail.packaging.config import EndpointConfig
from vitrail.packaging.gallery_labels import write_gallery_labels
from vitrail.packaging.golden import Golden, compute_golden, write_golden

__all__ = ["assemble_bundle", "prepare_bundle"]

_NOT_SERVED = (TRAINING_SETS_FOLDER, "data")  # the offline half of a feature snapshot


def prepare_bundle(
    *,
    corpus: Path,
    model: Path,
    index: Path,
    features: Path | None,
    labels: Path | None,
    out: Path,
    config: EndpointConfig,
    lineage: Lineage,
) -> Path:
    """Writes a bundle with golden images of the test split; it appears whole.

    Args:
        corpus: Where the golden images are taken from.
        model: Model folder.
        index: Index folder, made by that model.
        features: Feature snapshot; its online half goes into the bundle.
        labels: The label set that the features were made with; by its words the gallery is searched.
        out: The bundle folder.
        config: What the endpoint accepts and how much is compared.
        lineage: What the run knows so far; the endpoint states it in every answer.

    Raises:
        ServingError: The corpus has no test image, the model does not embed, or index and model differ.
    """
    golden = compute_golden(
        open_corpus(corpus),
        model,
        index,
        count=config.num_golden,
        num_neighbours=config.num_neighbours,
    )
    return assemble_bundle(
        model=model,
        index=index,
        features=features,
        labels=labels,
        out=out,
        config=config,
        lineage=lineage,
        golden=golden,
    )


def assemble_bundle(
    *,
    model: Path,
    index: Path,
    features: Path | None,
    labels: Path | None,
    out: Path,
    config: EndpointConfig,
    lineage: Lineage,
    golden: Golden | None = None,
) -> Path:
    """Writes a bundle; without golden images it can be served but not proven.

    Raises:
        ServingError: Index and model do not belong together.
    """
    model_id = load_manifest(model).model_id
    index_manifest = read(IndexManifest, index)
    if index_manifest.model_id != model_id:
        raise ServingError(
            f"{index} was made by model {index_manifest.model_id[:12]}, not by {model_id[:12]} in {model}; "
            f"{IndexManifest.REMEDY}"
        )
    with atomic_folder(out) as partial:
        shutil.copytree(model, partial / "model")
        shutil.copytree(index, partial / "index")
        if features is not None:
            shutil.copytree(features, partial / "features", ignore=shutil.ignore_patterns(*_NOT_SERVED))
            if labels is not None:
                write_gallery_labels(
                    partial / GALLERY_LABELS_FOLDER, labels=labels, features=features, index=partial / "index"
                )
        if golden is not None:
            write_golden(partial / GOLDEN_FOLDER, golden)
        manifest = BundleManifest(
            model_id=model_id,
            index_digest=index_manifest.digest,
            lineage=dataclasses.replace(lineage, model_id=model_id, index_digest=index_manifest.digest),
            num_golden=len(golden.image_ids) if golden else 0,
            num_neighbours=golden.keys.shape[1] if golden else 0,
            max_bytes=config.max_bytes,
            max_pixels=config.max_pixels,
            max_batch_size=config.max_batch_size,
        )
        seal_bundle(partial, manifest)
    return out
