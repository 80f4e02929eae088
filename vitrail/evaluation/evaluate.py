"""Measures a model on a split of a corpus, the test split unless told otherwise."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import write
from vitrail.contracts.corpus import CorpusManifest, TaskInfo
from vitrail.contracts.evaluation import (
    NEIGHBOURS_FILE,
    NEIGHBOURS_SCHEMA,
    OUTCOMES_FILE,
    EvaluationReport,
    MeasuredTask,
    SliceMetric,
)
from vitrail.contracts.files import atomic_folder
from vitrail.contracts.models import HeadSpec, ModelManifest
from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import EvaluationError
from vitrail.evaluation.config import EvaluationConfig
from vitrail.evaluation.devices import DevicePredictors, given_devices
from vitrail.evaluation.inference import Answers, answer_images
from vitrail.evaluation.measures import TaskAnswers, find_measures
from vitrail.evaluation.metrics import TaskResult, measure
from vitrail.evaluation.slices import read_buckets, slice_metric
from vitrail.evaluation.system import measure_system
from vitrail.evaluation.units import Units, label_units, read_units
from vitrail.gates.outcomes import outcomes_table
from vitrail.tasks import find_kind

__all__ = ["evaluate_model"]

_log = logging.getLogger(__name__)


def evaluate_model(
    *,
    corpus: Path,
    model: Path,
    features: Path | None,
    out: Path,
    config: EvaluationConfig,
    split: Literal["val", "test"] = "test",
) -> EvaluationReport:
    """Measures every task of the corpus that the model has a head for, on one split.

    Args:
        corpus: Corpus folder.
        model: Model folder.
        features: Feature snapshot, for slices by text; None leaves them out.
        out: Where evaluation.json, outcomes.parquet and neighbours.parquet appear.
        config: How to measure.
        split: `test` for what is reported of a model; `val` for what choices are made by.

    Raises:
        EvaluationError: The split is empty, or the model has no head for any task of the corpus.
    """
    opened = open_corpus(corpus)
    units = read_units(opened, split)
    predictors = DevicePredictors(model, given_devices(config.device))
    pairs = _pair_tasks(opened.manifest, predictors.manifest)
    classifying = [task.name for task, _ in pairs if find_kind(task.kind).output == "probabilities"]
    answers = answer_images(
        opened,
        predictors,
        units.image_ids.tolist(),
        heads=classifying,
        batch_size=config.batch_size,
        num_workers=config.num_workers,
    )
    measured = _measure_tasks(pairs, opened, answers, units, config)
    if not measured:
        raise EvaluationError(f"no image of {corpus}'s {split} split has a label; there is nothing to measure")
    outcomes = [item for result in measured.values() for item in (*result.outcomes, *result.extra_outcomes)]
    report = EvaluationReport(
        model_id=predictors.manifest.model_id,
        corpus_digest=opened.manifest.digest,
        split=split,
        tasks=tuple(MeasuredTask(name=task.name, kind=task.kind) for task, _ in pairs if task.name in measured),
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


def _pair_tasks(corpus: CorpusManifest, model: ModelManifest) -> list[tuple[TaskInfo, HeadSpec]]:
    """Each task that the model has a head for, with that head: one of its own, or the embedding of its kind."""
    pairs: list[tuple[TaskInfo, HeadSpec]] = []
    for task in corpus.tasks:
        is_shared = find_kind(task.kind).output == "embedding"
        fitting = [head for head in model.heads if head.kind == task.kind and (is_shared or head.name == task.name)]
        if fitting:
            pairs.append((task, fitting[0]))
        else:
            _log.warning("the model has no head for task %s; its metrics will be missing", task.name)
    if not pairs:
        names = ", ".join(task.name for task in corpus.tasks) or "it has no tasks"
        raise EvaluationError(
            f"the model has no head for any task of corpus {corpus.name} ({names}); fine-tune it on this one"
        )
    return pairs


def _measure_tasks(
    pairs: Sequence[tuple[TaskInfo, HeadSpec]], corpus: Corpus, answers: Answers, units: Units, config: EvaluationConfig
) -> dict[str, TaskResult]:
    kinds = {task.name: find_kind(task.kind) for task, _ in pairs}
    categories = {
        name: label_units(corpus, name, units)
        for name, kind in kinds.items()
        if kind.output == "probabilities" and kind.targets == "one"
    }
    measured: dict[str, TaskResult] = {}
    for task, head in pairs:
        found = TaskAnswers(
            task=task,
            head=head,
            corpus=corpus,
            answers=answers,
            units=units,
            categories=categories,
            config=config,
        )
        if result := find_measures(task.kind).evaluate(found):
            measured[task.name] = result
    return measured


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
