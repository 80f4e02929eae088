"""Measures a model on a split of a corpus, the test split unless told otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.contracts.codec import write
from vitrail.contracts.evaluation import (
    NEIGHBOURS_FILE,
    NEIGHBOURS_SCHEMA,
    OUTCOMES_FILE,
    EvaluationReport,
    MeasuredTask,
    SliceMetric,
)
from vitrail.contracts.files import atomic_folder
from vitrail.corpus import open_corpus
from vitrail.evaluation.config import EvaluationConfig
from vitrail.evaluation.devices import DevicePredictors, given_devices
from vitrail.evaluation.metrics import TaskResult, measure
from vitrail.evaluation.slices import Buckets, read_buckets, slice_gap, slice_metric
from vitrail.evaluation.split_measures import Split, measure_split
from vitrail.evaluation.system import measure_system
from vitrail.gates.outcomes import Outcomes, outcomes_table

__all__ = ["evaluate_model"]


def evaluate_model(
    *,
    corpus: Path,
    model: Path,
    features: Path | None,
    out: Path,
    config: EvaluationConfig,
    split: Split = "test",
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
        EvaluationError: The split is empty or has no label, or the model has no head for any task of the corpus.
    """
    opened = open_corpus(corpus)
    predictors = DevicePredictors(model, given_devices(config.device))
    measured = measure_split(predictors, predictors.manifest.heads, opened, config, split)
    results = list(measured.results.values())
    sliced = list(_sliced(measured.results, features))
    gaps = [gap for item in sliced if (gap := slice_gap(*item, min_units=config.min_slice_units))]
    compared = [*(item for result in results for item in result.outcomes), *gaps]
    reported = [*compared, *(item for result in results for item in result.extra_outcomes)]
    report = EvaluationReport(
        model_id=predictors.manifest.model_id,
        corpus_digest=opened.manifest.digest,
        split=split,
        tasks=tuple(MeasuredTask(name=task.name, kind=task.kind) for task in measured.tasks),
        metrics=tuple(measure(reported, num_resamples=config.num_resamples, seed=config.seed)),
        confusion=tuple(result.confusion for result in results if result.confusion),
        baselines=tuple(baseline for result in results for baseline in result.baselines),
        reliability=tuple(result.reliability for result in results if result.reliability),
        slices=tuple(_slice_metrics(sliced, config)),
        system=measure_system(
            model,
            num_images=len(measured.units.image_ids),
            seconds=measured.answers.seconds,
            batch_size=config.batch_size,
            device=config.device,
        ),
    )
    _write(out, report, compared, results)
    return report


def _sliced(results: Mapping[str, TaskResult], features: Path | None) -> Iterator[tuple[Outcomes, str, Buckets]]:
    """The headline of each task with each dimension that it is sliced by."""
    if features is None:
        return
    for task, result in results.items():
        for dimension, buckets in read_buckets(features, task).items():
            for outcomes in result.outcomes:
                if outcomes.metric == result.headline:
                    yield outcomes, dimension, buckets


def _slice_metrics(sliced: Sequence[tuple[Outcomes, str, Buckets]], config: EvaluationConfig) -> Iterator[SliceMetric]:
    for item in sliced:
        yield from slice_metric(
            *item,
            min_units=config.min_slice_units,
            num_resamples=config.num_resamples,
            seed=config.seed,
        )


def _write(out: Path, report: EvaluationReport, compared: Sequence[Outcomes], results: Sequence[TaskResult]) -> None:
    neighbours = [result.neighbours for result in results if result.neighbours is not None]
    with atomic_folder(out) as partial:
        write(partial, report)
        pq.write_table(outcomes_table(compared), partial / OUTCOMES_FILE)
        pq.write_table(pa.concat_tables([NEIGHBOURS_SCHEMA.empty_table(), *neighbours]), partial / NEIGHBOURS_FILE)
