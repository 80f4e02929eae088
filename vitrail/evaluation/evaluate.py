"""Measures a model on the test split of a corpus."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.codec import write
from vitrail.contracts.corpus import CorpusManifest, TaskInfo
from vitrail.contracts.evaluation import NEIGHBOURS_SCHEMA, EvaluationReport, MeasuredTask, SliceMetric
from vitrail.contracts.files import atomic_folder
from vitrail.contracts.models import ModelManifest
from vitrail.corpus import open_corpus
from vitrail.errors import EvaluationError
from vitrail.evaluation.classification import evaluate_classification
from vitrail.evaluation.config import EvaluationConfig
from vitrail.evaluation.inference import Answers, answer_images
from vitrail.evaluation.metrics import TaskResult, measure
from vitrail.evaluation.retrieval import evaluate_retrieval
from vitrail.evaluation.slices import read_buckets, slice_metric
from vitrail.evaluation.system import measure_system
from vitrail.evaluation.units import Units, label_units, read_units
from vitrail.gates.outcomes import OUTCOMES_FILE, outcomes_table
from vitrail.models import Predictor

__all__ = ["NEIGHBOURS_FILE", "evaluate_model"]

_log = logging.getLogger(__name__)

NEIGHBOURS_FILE = "neighbours.parquet"

Labels = Mapping[str, NDArray[np.str_]]


def evaluate_model(
    *, corpus: Path, model: Path, features: Path | None, out: Path, config: EvaluationConfig
) -> EvaluationReport:
    """Measures every task of the corpus that the model has a head for, on split `test`.

    Args:
        corpus: Corpus folder.
        model: Model folder.
        features: Feature snapshot, for slices by text; None leaves them out.
        out: Where evaluation.json, outcomes.parquet and neighbours.parquet appear.
        config: How to measure.

    Raises:
        EvaluationError: The test split is empty, or the model has no head for any task of the corpus.
    """
    opened = open_corpus(corpus)
    units = read_units(opened)
    predictor = Predictor(model, config.device)
    tasks = _measurable_tasks(opened.manifest, predictor.manifest)
    answers = answer_images(
        opened,
        predictor,
        units.image_ids.tolist(),
        heads=[task.name for task in tasks if task.kind == "classification"],
        batch_size=config.batch_size,
        num_workers=config.num_workers,
    )
    labels = {task.name: label_units(opened, task.name, units) for task in tasks}
    measured = {
        task.name: result
        for task in tasks
        if (result := _evaluate_task(task, labels, answers, units, predictor.manifest, config))
    }
    if not measured:
        raise EvaluationError(f"no image of {corpus}'s test split has a label; there is nothing to measure")
    outcomes = [item for result in measured.values() for item in (*result.outcomes, *result.extra_outcomes)]
    report = EvaluationReport(
        model_id=predictor.manifest.model_id,
        corpus_digest=opened.manifest.digest,
        tasks=tuple(MeasuredTask(name=task.name, kind=task.kind) for task in tasks if task.name in measured),
        metrics=tuple(measure(outcomes, num_resamples=config.num_resamples, seed=config.seed)),
        confusion=tuple(result.confusion for result in measured.values() if result.confusion),
        baselines=tuple(baseline for result in measured.values() for baseline in result.baselines),
        slices=tuple(_slices(measured, features, config)),
        system=measure_system(
            model,
            num_images=len(units.image_ids),
            seconds=answers.seconds,
            batch_size=config.batch_size,
            device=config.device,
        ),
    )
    _write(out, report, measured)
    return report


def _measurable_tasks(corpus: CorpusManifest, model: ModelManifest) -> list[TaskInfo]:
    heads = {head.name for head in model.heads if head.kind == "classification"}
    embeds = any(head.kind == "retrieval" for head in model.heads)
    found = [task for task in corpus.tasks if (embeds if task.kind == "retrieval" else task.name in heads)]
    for task in corpus.tasks:
        if task not in found:
            _log.warning("the model has no head for task %s; its metrics will be missing", task.name)
    if not found:
        names = ", ".join(task.name for task in corpus.tasks) or "it has no tasks"
        raise EvaluationError(
            f"the model has no head for any task of corpus {corpus.name} ({names}); fine-tune it on this one"
        )
    return found


def _evaluate_task(
    task: TaskInfo,
    labels: Labels,
    answers: Answers,
    units: Units,
    model: ModelManifest,
    config: EvaluationConfig,
) -> TaskResult | None:
    if task.kind == "classification":
        return evaluate_classification(
            task=task.name,
            classes=task.classes,
            head_classes=next(head.classes for head in model.heads if head.name == task.name),
            probabilities=answers.probabilities[task.name],
            labels=labels[task.name],
            units=units,
        )
    if answers.vectors is None:
        return None
    return evaluate_retrieval(
        task=task.name,
        labels=labels[task.name],
        vectors=answers.vectors,
        units=units,
        categories={name: labels[name] for name in answers.probabilities},
        num_pictured=config.num_pictured_queries,
        num_neighbours=config.num_pictured_neighbours,
        seed=config.seed,
    )


def _slices(measured: Mapping[str, TaskResult], features: Path | None, config: EvaluationConfig) -> list[SliceMetric]:
    if features is None:
        return []
    return [
        item
        for task, result in measured.items()
        for dimension, buckets in read_buckets(features, task).items()
        for outcomes in result.outcomes
        if outcomes.metric == result.headline
        for item in slice_metric(
            outcomes,
            dimension,
            buckets,
            min_units=config.min_slice_units,
            num_resamples=config.num_resamples,
            seed=config.seed,
        )
    ]


def _write(out: Path, report: EvaluationReport, measured: Mapping[str, TaskResult]) -> None:
    neighbours = [result.neighbours for result in measured.values() if result.neighbours is not None]
    outcomes = [item for result in measured.values() for item in result.outcomes]
    with atomic_folder(out) as partial:
        write(partial, report)
        pq.write_table(outcomes_table(outcomes), partial / OUTCOMES_FILE)
        pq.write_table(pa.concat_tables([NEIGHBOURS_SCHEMA.empty_table(), *neighbours]), partial / NEIGHBOURS_FILE)
