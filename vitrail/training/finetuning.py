"""Fine-tuning: one trunk for all tasks of a corpus at once.

Each task is a data set of its own, batches mix the data sets evenly, and every image counts for all the tasks
it has a label for (KDD 2019, "Learning a unified embedding for visual search").
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.features import training_set_file
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.reader.image_reader import Source
from vitrail.corpus.reader.targets import ListTargets, Targets
from vitrail.errors import ConfigError, TrainingError
from vitrail.models import VitrailModel, load_model
from vitrail.tasks import Loss, TaskSpec, find_kind, find_loss
from vitrail.training.assignment import Assignment
from vitrail.training.config import FinetuneConfig
from vitrail.training.finetuning_rows import (
    Rows,
    class_weights,
    finetuning_rows,
    labelled_rows,
    task_classes,
    train_targets,
)
from vitrail.training.job import FinetuneJob
from vitrail.training.objective import Objective
from vitrail.training.pretraining import WEAK_KIND, WEAK_LOSS, annotation_head
from vitrail.training.warm_start import ANNOTATIONS, carry_annotation_head

__all__ = ["assign_finetuning"]


def assign_finetuning(job: FinetuneJob) -> Assignment:
    """Model, losses and images of a fine-tuning job.

    Raises:
        TrainingError: The corpus has no task, or a task has no training image.
    """
    config = job.config
    corpus = open_corpus(Path(job.corpus))
    if not corpus.manifest.tasks:
        raise TrainingError(f"{corpus.path} has no task to fine-tune for; add tasks/<task>.parquet")
    rows = finetuning_rows(corpus, config.labelled_share)
    infos = corpus.manifest.tasks
    classes = {info.name: task_classes(corpus, info.name, rows) for info in infos}
    targets: list[Targets] = [train_targets(corpus, info.name, rows, classes[info.name]) for info in infos]
    losses = _choose_losses(infos, config)
    own_heads = {info.name: _head(info, losses[info.name], config) for info in infos}
    heads = _distinct_heads(own_heads.values())
    tasks = [
        TaskSpec(
            name=info.name,
            head=own_heads[info.name].name,
            loss=losses[info.name],
            num_classes=len(classes[info.name]),
            temperature=config.temperature,
        )
        for info in infos
    ]
    if job.labels and job.features and config.keep_annotations:
        loss = losses[ANNOTATIONS]
        head = annotation_head(Path(job.labels), activation=loss.activation)
        weak = _weak_targets(Path(job.features), infos, head)
        heads.append(head)
        targets.append(weak)
        tasks.append(TaskSpec(name=ANNOTATIONS, head=ANNOTATIONS, loss=loss, num_classes=head.dim))
    sources = tuple(
        _source(corpus, info, labelled_rows(corpus, rows, own), tuple(targets), config)
        for info, own in zip(infos, targets, strict=False)
    )
    model = _create_model(job, tuple(heads))
    frozen_steps = config.frozen_steps if job.backbone else 0
    return Assignment(objective=Objective(model, tasks), sources=sources, frozen_steps=frozen_steps)


def _choose_losses(infos: Sequence[TaskInfo], config: FinetuneConfig) -> dict[str, Loss]:
    """The loss of each task and of the weak labels: the one that the configuration names, or that of its kind."""
    kinds = {info.name: info.kind for info in infos} | {ANNOTATIONS: WEAK_KIND}
    own = {info.name: find_kind(info.kind).loss for info in infos} | {ANNOTATIONS: WEAK_LOSS}
    if unknown := sorted(config.losses.keys() - kinds.keys()):
        raise ConfigError(f"losses names {unknown[0]!r}, which is no task of the corpus; it has {', '.join(kinds)}")
    return {task: find_loss(config.losses.get(task, own[task]), kind) for task, kind in kinds.items()}


def _head(info: TaskInfo, loss: Loss, config: FinetuneConfig) -> HeadSpec:
    return find_kind(info.kind).head(info, activation=loss.activation, embedding_dim=config.embedding_dim)


def _distinct_heads(specs: Iterable[HeadSpec]) -> list[HeadSpec]:
    """A head that tasks share once, and behind those of single tasks."""
    return sorted(dict.fromkeys(specs), key=lambda spec: find_kind(spec.kind).output == "embedding")


def _source(corpus: Corpus, info: TaskInfo, rows: Rows, targets: tuple[Targets, ...], config: FinetuneConfig) -> Source:
    weights = class_weights(corpus, info.name, rows, find_kind(info.kind).balance(config.class_balance))
    return Source(corpus=corpus, rows=rows, targets=targets, sample_weights=weights)


def _weak_targets(features: Path, infos: tuple[TaskInfo, ...], head: HeadSpec) -> ListTargets:
    """Weak labels as of each task label's time; an image in several tasks keeps the latest."""
    columns = ["image_id", "observed_at", "top_label_ids", "top_scores"]
    paths = [features / training_set_file(info.name) for info in infos]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise TrainingError(f"{missing[0]} does not exist; materialize the features of this corpus again")
    table = pa.concat_tables([pq.read_table(path, columns=columns) for path in paths], promote_options="default")
    outputs = {label_id: output for output, label_id in enumerate(head.label_ids)}
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row in table.sort_by("observed_at").to_pylist():
        pairs = zip(row["top_label_ids"] or (), row["top_scores"] or (), strict=True)
        known = [(outputs[label_id], score) for label_id, score in pairs if label_id in outputs]
        found[row["image_id"]] = [output for output, _ in known], [score for _, score in known]
    return ListTargets(ANNOTATIONS, found)


def _create_model(job: FinetuneJob, heads: tuple[HeadSpec, ...]) -> VitrailModel:
    config = job.config
    if job.backbone is None:
        if config.architecture is None or config.transforms is None:
            raise TrainingError("fine-tuning without a backbone needs `architecture` and `transforms`")
        return VitrailModel(config.architecture, config.transforms, heads)
    backbone, manifest = load_model(Path(job.backbone))
    architecture = config.architecture or manifest.architecture
    model = VitrailModel(architecture, config.transforms or manifest.transforms, heads)
    try:
        model.trunk.load_state_dict(backbone.trunk.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            f"backbone {job.backbone} is {manifest.architecture.name} {manifest.architecture.options} at "
            f"{manifest.transforms.image_size} px and does not fit {architecture.name} "
            f"{architecture.options} at {model.transforms.image_size} px: {error}"
        ) from error
    if job.labels:
        carry_annotation_head(model, backbone, manifest.lineage.labels_digest, Path(job.labels))
    return model
