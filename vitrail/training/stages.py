"""The two trainings of the pipeline, as functions of folders."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vitrail.config import require
from vitrail.contracts.codec import read
from vitrail.contracts.features import TRAINING_SETS_FOLDER
from vitrail.contracts.files import digest_file, digest_json
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import ModelManifest
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.errors import LabelError, TrainingError
from vitrail.models import load_manifest
from vitrail.training.config import FinetuneConfig, PretrainConfig
from vitrail.training.job import BlendedCorpus, FinetuneJob, PretrainJob
from vitrail.training.local_launch import Launch, run_job
from vitrail.training.shared_vocabulary import check_blend

__all__ = ["finetune_job", "finetune_tasks", "pretrain_backbone", "pretrain_job"]


def pretrain_job(
    *, corpus: Path, labels: Path, config: PretrainConfig, lineage: Lineage, blend: Sequence[BlendedCorpus] = ()
) -> PretrainJob:
    """The job of `pretrain_backbone`, its inputs checked, for any launcher; `blend` adds corpora to its own."""
    inputs = _labelled_inputs(corpus, labels)
    blend = [replace(one, corpus=_place(Path(one.corpus)), labels=_place(Path(one.labels))) for one in blend]
    for number, one in enumerate(blend):
        found = _labelled_inputs(Path(one.corpus), Path(one.labels))
        inputs |= {f"blend.{number}.{name}": digest for name, digest in found.items()}
    check_blend([labels, *(Path(one.labels) for one in blend)])
    if config.initial_weights:
        inputs["initial_weights"] = _weights_digest(Path(config.initial_weights))
    return PretrainJob(
        corpus=_place(corpus),
        labels=_place(labels),
        config=config,
        lineage=_extend(lineage, inputs),
        inputs=inputs,
        blend=tuple(blend),
    )


def pretrain_backbone(
    *,
    corpus: Path,
    labels: Path,
    out: Path,
    work: Path,
    config: PretrainConfig,
    lineage: Lineage,
    launch: Launch = run_job,
) -> ModelManifest:
    """Trains a trunk on the weak labels of the split "train".

    Args:
        corpus: A corpus folder.
        labels: A label set derived from it.
        out: Where the model folder appears, whole, with `training.jsonl`.
        work: Where checkpoints are kept; a later call with the same folder continues.
        config: What to train and how.
        lineage: What is known so far; saved with the model.
        launch: Runs the job; on this machine by default.

    Raises:
        LabelError: The label set belongs to another corpus.
        TrainingError: Training failed or was stopped; a later call continues.
    """
    job = pretrain_job(corpus=corpus, labels=labels, config=config, lineage=lineage)
    return launch(job, work, out)


def finetune_job(
    *,
    corpus: Path,
    labels: Path | None,
    features: Path | None,
    backbone: Path | None,
    config: FinetuneConfig,
    lineage: Lineage,
) -> FinetuneJob:
    """The job of `finetune_tasks`, its inputs checked, for any launcher."""
    require(labels is not None or features is None, "labels", None, "features hold weak labels: name their label set")
    inputs = _labelled_inputs(corpus, labels) | {
        "features": _training_sets_digest(features) if features else None,
        "backbone": load_manifest(backbone).model_id if backbone else None,
    }
    grown = replace(_extend(lineage, inputs), backbone_id=inputs["backbone"])
    return FinetuneJob(
        corpus=_place(corpus),
        labels=_place(labels) if labels else None,
        features=_place(features) if features else None,
        backbone=_place(backbone) if backbone else None,
        config=config,
        lineage=grown,
        inputs=inputs,
    )


def finetune_tasks(
    *,
    corpus: Path,
    labels: Path | None,
    features: Path | None,
    backbone: Path | None,
    out: Path,
    work: Path,
    config: FinetuneConfig,
    lineage: Lineage,
    launch: Launch = run_job,
) -> ModelManifest:
    """Trains one trunk for all tasks of a corpus: classification heads and one retrieval embedding.

    Args:
        corpus: A corpus folder with tasks.
        labels: A label set derived from it; None when there are no features.
        features: Materialized features; their training sets keep the weak labels in training.
        backbone: The model folder of `pretrain_backbone`; None starts from an untrained trunk.
        out: Where the model folder appears, whole, with `training.jsonl`.
        work: Where checkpoints are kept; a later call with the same folder continues.
        config: What to train and how.
        lineage: What is known so far; saved with the model.
        launch: Runs the job; on this machine by default.

    Raises:
        LabelError: The label set belongs to another corpus.
        ModelError: The backbone cannot be loaded.
        TrainingError: Training failed or was stopped; a later call continues.
    """
    job = finetune_job(
        corpus=corpus, labels=labels, features=features, backbone=backbone, config=config, lineage=lineage
    )
    return launch(job, work, out)


def _weights_digest(weights: Path) -> str:
    if weights.is_dir():
        return load_manifest(weights).model_id
    if not weights.is_file():
        raise TrainingError(f"initial_weights={weights} does not exist; give a safetensors file or a model folder")
    return digest_file(weights)


def _labelled_inputs(corpus: Path, labels: Path | None) -> dict[str, str | None]:
    opened = open_corpus(corpus)
    return {"corpus": opened.manifest.digest, "labels": _labels_digest(opened, labels) if labels else None}


def _labels_digest(corpus: Corpus, labels: Path) -> str:
    manifest = read(LabelSetManifest, labels)
    if manifest.corpus_digest != corpus.manifest.digest:
        raise LabelError(
            f"{labels} was derived from corpus {manifest.corpus_digest[:12]}, and {corpus.path} is "
            f"{corpus.manifest.digest[:12]}; derive the labels again"
        )
    return manifest.digest


def _training_sets_digest(features: Path) -> str:
    paths = sorted((features / TRAINING_SETS_FOLDER).glob("*.parquet"))
    if not paths:
        raise TrainingError(f"{features} has no {TRAINING_SETS_FOLDER}/*.parquet; materialize the features again")
    return digest_json({path.name: digest_file(path) for path in paths})


def _extend(lineage: Lineage, inputs: dict[str, str | None]) -> Lineage:
    return replace(lineage, corpus_digest=inputs["corpus"], labels_digest=inputs["labels"])


def _place(path: Path) -> str:
    return str(path.resolve())
