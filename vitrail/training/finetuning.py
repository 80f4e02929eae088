"""Fine-tuning: one trunk for all tasks of a corpus at once.

Each task is a data set of its own, batches mix the data sets evenly, and every image counts for all the tasks
it has a label for (KDD 2019, "Learning a unified embedding for visual search").
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.features import training_set_file
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.reader.image_reader import Source
from vitrail.corpus.reader.targets import ListTargets, Targets
from vitrail.corpus.splits import train_rows
from vitrail.errors import TrainingError
from vitrail.models import VitrailModel, load_model
from vitrail.tasks import Objective, TaskSpec
from vitrail.training.assignment import Assignment
from vitrail.training.config import FinetuneConfig
from vitrail.training.finetuning_rows import Rows, class_weights, labelled_rows, task_classes, train_targets
from vitrail.training.job import FinetuneJob
from vitrail.training.pretraining import annotation_head
from vitrail.training.warm_start import ANNOTATIONS, carry_annotation_head

__all__ = ["EMBEDDING", "assign_finetuning"]

EMBEDDING = "embedding"


def assign_finetuning(job: FinetuneJob) -> Assignment:
    """Model, losses and images of a fine-tuning job.

    Raises:
        TrainingError: The corpus has no task, or a task has no training image.
    """
    config = job.config
    corpus = open_corpus(Path(job.corpus))
    if not corpus.manifest.tasks:
        raise TrainingError(f"{corpus.path} has no task to fine-tune for; add tasks/<task>.parquet")
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    infos = corpus.manifest.tasks
    classes = {info.name: task_classes(corpus, info.name, rows) for info in infos}
    targets: list[Targets] = [train_targets(corpus, info.name, rows, classes[info.name]) for info in infos]
    heads = [_head(info, config) for info in infos if info.kind == "classification"]
    tasks = [_task(info, classes[info.name], config) for info in infos]
    if any(info.kind == "retrieval" for info in infos):
        heads.append(HeadSpec(name=EMBEDDING, kind="retrieval", dim=config.embedding_dim))
    if job.features and config.keep_annotations:
        head = annotation_head(Path(job.labels), is_sigmoid=False)
        weak = _weak_targets(Path(job.features), infos, head)
        heads.append(head)
        targets.append(weak)
        tasks.append(TaskSpec(name=ANNOTATIONS, kind="multilabel", head=ANNOTATIONS, num_classes=head.dim))
    sources = tuple(
        _source(corpus, info, labelled_rows(corpus, rows, own), tuple(targets), config)
        for info, own in zip(infos, targets, strict=False)
    )
    model = _create_model(job, tuple(heads))
    frozen_steps = config.frozen_steps if job.backbone else 0
    return Assignment(objective=Objective(model, tasks), sources=sources, frozen_steps=frozen_steps)


def _head(info: TaskInfo, config: FinetuneConfig) -> HeadSpec:
    return HeadSpec(name=info.name, kind="classification", dim=len(info.classes), classes=info.classes)


def _task(info: TaskInfo, classes: tuple[str, ...], config: FinetuneConfig) -> TaskSpec:
    return TaskSpec(
        name=info.name,
        kind=info.kind,
        head=EMBEDDING if info.kind == "retrieval" else info.name,
        num_classes=len(classes),
        temperature=config.temperature,
    )


def _source(corpus: Corpus, info: TaskInfo, rows: Rows, targets: tuple[Targets, ...], config: FinetuneConfig) -> Source:
    power = 1.0 if info.kind == "retrieval" else config.class_balance
    weights = class_weights(corpus, info.name, rows, power)
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
    carry_annotation_head(model, backbone, manifest.lineage.labels_digest, Path(job.labels))
    return model
