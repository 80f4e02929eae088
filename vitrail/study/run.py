"""A study from start to end: train, choose on the validation split, repeat, and read the test split last.

<out>/trainings/<digest>/    a training each, named by what decides it (`vitrail.study.orders`)
<out>/logs/                  what the workers logged
"""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import filelock

from vitrail.contracts.study import StudyReport
from vitrail.errors import StudyError
from vitrail.study.arms import Arm, list_arms
from vitrail.study.choice import choose_rates
from vitrail.study.config import StudyConfig
from vitrail.study.jobs import Jobs
from vitrail.study.materials import LabelFolder, gather_materials
from vitrail.study.plan import Finetuning, Rates, Trial, plan_choice, plan_repeats
from vitrail.study.progress import Progress
from vitrail.study.side_by_side import run_side_by_side
from vitrail.study.summary import summarise
from vitrail.study.trials import Trials
from vitrail.study.workers import Workers

__all__ = ["run_study"]


def run_study(
    config: StudyConfig,
    *,
    out: Path,
    workspace: Path,
    num_jobs: int | None = None,
    label_folders: Sequence[LabelFolder] = (),
) -> StudyReport:
    """Trains and measures all arms, and says how they compare.

    A study that was stopped goes on where it was: a finished training is taken as it is, an unfinished one from its
    last checkpoint.

    Args:
        config: The arms and the budget.
        out: Folder of the study; its trainings stay there.
        workspace: Where corpora and label sets are found and kept.
        num_jobs: Trainings side by side; they share the cores, and the GPU if there is one. None: one a core.
        label_folders: Label sets of the pretraining corpora that were made elsewhere, as further label recipes.

    Raises:
        StudyError: No arm could be trained, or another study trains in `out`.
        VitrailError: Corpora, labels or recipe cannot be had.
    """
    num_jobs = num_jobs or len(os.sched_getaffinity(0))
    with _alone(out):
        return _run(config, out, workspace, num_jobs, label_folders)


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    out.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise StudyError(f"another study trains in {out}: wait for its end, or name another folder") from error
    try:
        yield
    finally:
        lock.release()


def _run(
    config: StudyConfig, out: Path, workspace: Path, num_jobs: int, label_folders: Sequence[LabelFolder]
) -> StudyReport:
    materials = gather_materials(config, label_folders, workspace)
    jobs = Jobs(config, materials)
    arms = list_arms(config, materials.sources)
    with ThreadPoolExecutor(num_jobs) as pool, Workers(num_jobs, out / "logs") as workers:
        trials = Trials(
            jobs,
            folder=out / "trainings",
            target=materials.target.path,
            metric=config.metric,
            evaluation=materials.recipe.evaluation,
            workers=workers,
        )
        rounds = _Rounds(config, jobs, arms, trials, functools.partial(run_side_by_side, pool, num_at_once=num_jobs))
        chosen = rounds.choose()
        rounds.repeat(chosen)
        measured = rounds.measure(chosen)
    if not measured:
        reasons = "; ".join(trials.failures.values()) or "the time was over before"
        raise StudyError(
            f"no arm of the study has a model ({reasons}); see {out / 'logs'}, and start it again to go on"
        )
    return summarise(config, jobs, materials, measured, trials.validated, rounds.unfinished(measured))


class _Rounds:
    """The three passes over the arms of a study."""

    def __init__(
        self,
        config: StudyConfig,
        jobs: Jobs,
        arms: Sequence[Arm],
        trials: Trials,
        run: Callable[..., set[Any]],
    ) -> None:
        self._config, self._arms, self._trials, self._run = config, arms, trials, run
        self._grid = plan_choice(arms, pretrain_rates=jobs.pretrain_rates, finetune_rates=jobs.finetune_rates)
        likely = {arm: Rates(finetune=jobs.finetune_rates[0], pretrain=jobs.pretrain_rates[0]) for arm in arms}
        planned = [*self._grid, *plan_repeats(likely, config.num_seeds)]
        self._progress = Progress(sum(map(jobs.num_images, planned)), len(planned))
        self._began = time.monotonic()

    def choose(self) -> dict[Arm, Rates]:
        """Seed 0 at every rate, and the best on the validation split for each arm whose grid is complete."""
        self._train(self._grid)
        open_arms = {trial.arm for trial in self._grid if isinstance(trial, Finetuning) and not self._is_settled(trial)}
        chosen = choose_rates(self._trials.validated)
        return {arm: chosen[arm] for arm in self._arms if arm in chosen and arm not in open_arms}

    def repeat(self, chosen: Mapping[Arm, Rates]) -> None:
        """The other seeds at the chosen rates."""
        self._train(plan_repeats(chosen, self._config.num_seeds))

    def measure(self, chosen: Mapping[Arm, Rates]) -> dict[Arm, dict[int, Path]]:
        """Evaluations on the test split by seed, of the models of the chosen rates and of no others."""
        models = [trial for trial in self._trials.validated if trial.arm in chosen and trial.rates == chosen[trial.arm]]
        done = self._run(models, self._trials.test)
        return {
            arm: {trial.seed: self._trials.evaluation(trial) for trial in models if trial.arm == arm and trial in done}
            for arm in chosen
            if any(trial.arm == arm for trial in done)
        }

    def unfinished(self, measured: Mapping[Arm, Mapping[int, Path]]) -> tuple[str, ...]:
        """Arms without a model at every seed, and the failures of any trial."""
        short = [
            f"{arm.name}: {len(measured.get(arm, {}))} of {self._config.num_seeds} seeds"
            for arm in self._arms
            if len(measured.get(arm, {})) < self._config.num_seeds
        ]
        return (*short, *(f"{trial.title}: {reason}" for trial, reason in self._trials.failures.items()))

    def _train(self, trials: Sequence[Trial]) -> None:
        self._run(
            trials,
            lambda trial: self._trials.train(trial, self._progress),
            need_of=lambda trial: trial.pretraining if isinstance(trial, Finetuning) else None,
            is_too_late=lambda trial: self._is_over() and not self._trials.is_there(trial),
        )

    def _is_settled(self, trial: Finetuning) -> bool:
        """Whether a trial has its value or will never have one; one that was lost may have one the next time."""
        failed = self._trials.failures.keys() - self._trials.lost
        return trial in self._trials.validated or trial in failed or trial.pretraining in failed

    def _is_over(self) -> bool:
        minutes = self._config.minutes
        return minutes is not None and time.monotonic() - self._began > 60 * minutes
