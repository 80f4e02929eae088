"""From outcomes to a report: arms with intervals, paired comparisons, and error by the size of pretraining.

Intervals are percentile bootstraps over concepts, whose queries are drawn together, with seeds averaged query by query.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vitrail.contracts.codec import encode, read
from vitrail.contracts.evaluation import OUTCOMES_FILE, EvaluationReport
from vitrail.contracts.study import ArmResult, Candidate, Comparison, Interval, StudyReport
from vitrail.errors import StudyError
from vitrail.gates import Estimate, Outcomes, estimate, point, read_outcomes
from vitrail.gates.bootstrap import are_paired
from vitrail.study.arms import Arm
from vitrail.study.choice import choose_rates
from vitrail.study.comparisons import Kind, list_comparisons
from vitrail.study.config import StudyConfig
from vitrail.study.jobs import Jobs
from vitrail.study.materials import Materials
from vitrail.study.plan import Finetuning
from vitrail.study.size_fit import fit_sizes

__all__ = ["average_seeds", "relative_gain", "set_undefined_apart", "smallest_difference", "summarise"]

_NUM_RESAMPLES = 5000
_SEED = 0


def summarise(
    config: StudyConfig,
    jobs: Jobs,
    materials: Materials,
    measured: Mapping[Arm, Mapping[int, Path]],
    validated: Mapping[Finetuning, float],
    unfinished: Sequence[str],
) -> StudyReport:
    """The report of what was measured.

    Args:
        config: Of the study.
        jobs: Its trainings.
        materials: What it worked on.
        measured: Evaluations on the test split of each arm, by seed.
        validated: What each fine-tuning reached on the validation split.
        unfinished: What is missing.

    Raises:
        StudyError: The metric is no mean over queries, or two arms were measured on different queries.
    """
    outcomes = {
        arm: {seed: _read(folder, config.metric) for seed, folder in sorted(folders.items())}
        for arm, folders in measured.items()
    }
    arms = tuple(_arm_result(arm, measured[arm], outcomes[arm], jobs, materials, validated) for arm in outcomes)
    comparisons, undefined = set_undefined_apart(
        _compare(kind, arm, base, outcomes)
        for kind, arm, base in list_comparisons(tuple(outcomes))
        if outcomes[arm].keys() & outcomes[base].keys()
    )
    any_outcomes = next(iter(next(iter(outcomes.values())).values()))
    return StudyReport(
        budget=encode(config),
        target=materials.target.manifest.name,
        target_digest=materials.target.manifest.digest,
        metric=config.metric,
        num_queries=any_outcomes.num_units,
        num_concepts=any_outcomes.num_groups,
        smallest_difference=smallest_difference(comparisons),
        arms=arms,
        comparisons=comparisons,
        fits=fit_sizes(arms),
        unfinished=(*unfinished, *undefined),
    )


def average_seeds(by_seed: Sequence[Outcomes]) -> Outcomes:
    """Outcomes whose values are the means over seeds, query by query.

    Raises:
        StudyError: They are of different queries.
    """
    first, *others = (outcomes.sorted() for outcomes in by_seed)
    for other in others:
        _require_paired(first, other)
    return replace(first, values=np.mean([outcomes.values for outcomes in (first, *others)], axis=0))


def relative_gain(ours: Outcomes, theirs: Outcomes, *, num_resamples: int = _NUM_RESAMPLES) -> Interval:
    """How much the first metric is above the second, as a share of the second, over the same draws of concepts.

    Raises:
        StudyError: They are of different queries.
    """
    ours, theirs = ours.sorted(), theirs.sorted()
    _require_paired(ours, theirs)
    ratio = replace(ours, statistic="ratio", references=theirs.values)
    found = estimate(ratio, num_resamples=num_resamples, seed=_SEED)
    return _interval(Estimate(value=found.value - 1, low=found.low - 1, high=found.high - 1))


def set_undefined_apart(comparisons: Iterable[Comparison]) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    """Comparisons with a gain, and a line for each without: nothing is a share of an arm that is never right."""
    defined, undefined = [], []
    for found in comparisons:
        if math.isfinite(found.gain.value) and math.isfinite(found.gain.low):
            defined.append(found)
        else:
            undefined.append(f"{found.arm} over {found.base}: no gain is defined, the second is never right")
    return tuple(defined), tuple(undefined)


def smallest_difference(comparisons: Sequence[Comparison]) -> float | None:
    """Half the width of the interval of a comparison, the median over them; None without any."""
    widths = [(found.gain.high - found.gain.low) / 2 for found in comparisons]
    return float(np.median(widths)) if widths else None


def _read(folder: Path, metric: str) -> Outcomes:
    outcomes = read_outcomes(folder / OUTCOMES_FILE, metric)
    if outcomes is None or outcomes.statistic != "mean":
        raise StudyError(f"{folder} has no mean over queries called {metric!r}; a study compares such a metric")
    return outcomes


def _require_paired(first: Outcomes, second: Outcomes) -> None:
    if not are_paired(first, second):
        raise StudyError("two models of the study were measured on different queries; remove its folder and start anew")


def _arm_result(
    arm: Arm,
    folders: Mapping[int, Path],
    outcomes: Mapping[int, Outcomes],
    jobs: Jobs,
    materials: Materials,
    validated: Mapping[Finetuning, float],
) -> ArmResult:
    source = materials.sources[arm.source] if arm.source else None
    schedules = jobs.schedules_of(arm)
    system = read(EvaluationReport, folders[min(folders)]).system
    return ArmResult(
        way=arm.way,
        backbone=arm.backbone,
        share=arm.share,
        num_images=source.manifest.num_images_labelled if source else 0,
        num_labels=source.manifest.num_labels if source else 0,
        num_steps=sum(schedule.num_steps for schedule in schedules),
        images_seen=sum(schedule.num_steps * schedule.batch_size for schedule in schedules),
        flops_per_image=system.flops_per_image if system else 0,
        candidates=_candidates(arm, validated),
        by_seed=tuple(map(point, outcomes.values())),
        mean=_interval(estimate(average_seeds(list(outcomes.values())), num_resamples=_NUM_RESAMPLES, seed=_SEED)),
    )


def _candidates(arm: Arm, validated: Mapping[Finetuning, float]) -> tuple[Candidate, ...]:
    best = choose_rates(validated)[arm]
    trials = sorted((trial for trial in validated if trial.arm == arm and trial.seed == 0), key=lambda t: t.rates)
    return tuple(
        Candidate(
            finetune_rate=trial.rates.finetune,
            pretrain_rate=trial.rates.pretrain if arm.source else None,
            value=validated[trial],
            is_chosen=trial.rates == best,
        )
        for trial in trials
    )


def _compare(kind: Kind, arm: Arm, base: Arm, outcomes: Mapping[Arm, Mapping[int, Outcomes]]) -> Comparison:
    seeds = sorted(outcomes[arm].keys() & outcomes[base].keys())
    ours, theirs = (average_seeds([outcomes[one][seed] for seed in seeds]) for one in (arm, base))
    return Comparison(kind=kind, arm=arm.name, base=base.name, gain=relative_gain(ours, theirs), num_seeds=len(seeds))


def _interval(found: Estimate) -> Interval:
    return Interval(value=found.value, low=found.low, high=found.high)
