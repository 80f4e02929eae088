"""Measures every task of a corpus on one split, whatever gives the answers."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from vitrail.contracts.corpus import TaskInfo
from vitrail.contracts.models import HeadSpec, Transforms
from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import EvaluationError
from vitrail.evaluation.config import EvaluationConfig
from vitrail.evaluation.devices import Answered, answer_timed
from vitrail.evaluation.inference import Answers, BatchPredictor, answer_images
from vitrail.evaluation.measures import TaskAnswers, find_measures
from vitrail.evaluation.metrics import TaskResult, measure
from vitrail.evaluation.units import Units, label_units, read_units
from vitrail.models import Predictions
from vitrail.tasks import find_kind

__all__ = ["PredictFn", "SplitMeasures", "evaluate_predict_fn", "measure_split"]

Split = Literal["val", "test"]
PredictFn = Callable[[Tensor], Predictions]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SplitMeasures:
    """What was measured of a split: the tasks that have a head and labels, and the result of each."""

    units: Units
    answers: Answers
    tasks: tuple[TaskInfo, ...]
    results: dict[str, TaskResult]


def evaluate_predict_fn(
    predict_fn: PredictFn,
    *,
    heads: Sequence[HeadSpec],
    transforms: Transforms,
    corpus: Path,
    config: EvaluationConfig,
    split: Split = "test",
) -> Iterator[tuple[str, float]]:
    """Measures anything that answers for images, and yields the name and value of each metric.

    Args:
        predict_fn: From uint8 images [B, 3, S, S] to embeddings, codes and probabilities by head.
        heads: What it answers.
        transforms: How images are prepared for it.
        corpus: Corpus folder.
        config: How to measure; the device is the function's own affair.
        split: Of the corpus.

    Raises:
        EvaluationError: The split is empty or has no label, or there is no head for any task of the corpus.
    """
    measured = measure_split(_Function(predict_fn, transforms), heads, open_corpus(corpus), config, split)
    outcomes = (item for result in measured.results.values() for item in (*result.outcomes, *result.extra_outcomes))
    for metric in measure(outcomes, num_resamples=config.num_resamples, seed=config.seed):
        yield metric.name, metric.value


def measure_split(
    predictors: BatchPredictor, heads: Sequence[HeadSpec], corpus: Corpus, config: EvaluationConfig, split: Split
) -> SplitMeasures:
    """Asks for every image of the split, and measures each task that there is a head for.

    Raises:
        EvaluationError: The split is empty or has no label, or there is no head for any task of the corpus.
    """
    units = read_units(corpus, split)
    pairs = _pair_tasks(corpus, heads)
    answers = answer_images(
        corpus,
        predictors,
        units.image_ids.tolist(),
        heads=[task.name for task, _ in pairs if find_kind(task.kind).output == "probabilities"],
        batch_size=config.batch_size,
        num_workers=config.num_workers,
    )
    results = _measure_tasks(pairs, corpus, answers, units, config)
    if not results:
        raise EvaluationError(f"no image of {corpus.path}'s {split} split has a label; there is nothing to measure")
    tasks = tuple(task for task, _ in pairs if task.name in results)
    return SplitMeasures(units=units, answers=answers, tasks=tasks, results=results)


class _Function:
    """A function as what answers batches."""

    is_cuda = False

    def __init__(self, predict_fn: PredictFn, transforms: Transforms) -> None:
        self._predict_fn, self.transforms = predict_fn, transforms

    def predict(self, batches: Iterable[tuple[list[str], Tensor]]) -> Iterator[Answered]:
        return (answer_timed(self._predict_fn, *batch) for batch in batches)


def _pair_tasks(corpus: Corpus, heads: Sequence[HeadSpec]) -> list[tuple[TaskInfo, HeadSpec]]:
    """Each task that there is a head for, with that head: one of its own, or the embedding of its kind."""
    pairs: list[tuple[TaskInfo, HeadSpec]] = []
    tasks = corpus.manifest.tasks
    for task in tasks:
        is_shared = find_kind(task.kind).output == "embedding"
        fitting = [head for head in heads if head.kind == task.kind and (is_shared or head.name == task.name)]
        if fitting:
            pairs.append((task, fitting[0]))
        else:
            _log.warning("the model has no head for task %s; its metrics will be missing", task.name)
    if not pairs:
        names = ", ".join(task.name for task in tasks) or "it has no tasks"
        raise EvaluationError(
            f"the model has no head for any task of corpus {corpus.manifest.name} ({names}); fine-tune it on this one"
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
    results: dict[str, TaskResult] = {}
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
            results[task.name] = result
    return results
