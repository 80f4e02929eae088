"""Trials of one study: trained and validated once, found again by what decides them."""

import logging
import shutil
from pathlib import Path

from vitrail.contracts.codec import read
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.models import ModelManifest
from vitrail.errors import StudyError
from vitrail.evaluation import EvaluationConfig
from vitrail.study.jobs import Jobs
from vitrail.study.orders import Measuring, Order, Split, Training, model_folder, work_folder
from vitrail.study.plan import Finetuning, Pretraining, Trial
from vitrail.study.progress import Progress
from vitrail.study.workers import Workers
from vitrail.training import identify
from vitrail.training.job import Job

__all__ = ["Trials"]

_LOG = logging.getLogger(__name__)
_DIGITS = 16


class Trials:
    """Has workers train and measure; what they made before is taken as it is.

    Attributes:
        validated: What each finished fine-tuning reached on the validation split.
        failures: Why trials could not be finished, by trial.
        lost: Those of them whose process died, which says nothing about what they would have reached.
    """

    def __init__(
        self, jobs: Jobs, *, folder: Path, target: Path, metric: str, evaluation: EvaluationConfig, workers: Workers
    ) -> None:
        """Keeps everything in `folder`, a folder a training."""
        self._jobs, self._folder, self._target = jobs, folder, target
        self._metric, self._evaluation, self._workers = metric, evaluation, workers
        self._folders: dict[Trial, Path] = {}
        self.validated: dict[Finetuning, float] = {}
        self.failures: dict[Trial, str] = {}
        self.lost: set[Trial] = set()

    def train(self, trial: Trial, progress: Progress) -> bool:
        """Trains, and measures a model on the validation split; whether that succeeded."""
        job = self._job(trial)
        folder = self._folders[trial] = self._folder_of(job)
        is_trained = _is_trained(folder)
        if is_trained:
            shutil.rmtree(work_folder(folder), ignore_errors=True)  # what a kill after the last step left
        training = None if is_trained else Training(folder=str(folder), job=job)
        measuring = self._measuring(folder, "val") if isinstance(trial, Finetuning) else None
        was_there = not (training or measuring)
        reason = "" if was_there else self._ask(trial, Order(training=training, measuring=measuring))
        if reason:
            self.failures[trial] = reason
            _LOG.warning("%s failed: %s", trial.title, reason)
        elif isinstance(trial, Finetuning):
            self.validated[trial] = self._value(folder / "val")
        value = self.validated.get(trial) if isinstance(trial, Finetuning) else None
        outcome = "failed" if reason else "done" if value is None else f"{value:.4f} on val"
        progress.count(trial.title, self._jobs.num_images(trial), was_there=was_there, outcome=outcome)
        return not reason

    def is_there(self, trial: Trial) -> bool:
        """Whether a trial, whose pretraining was trained or taken, was trained before."""
        return _is_trained(self._folder_of(self._job(trial)))

    def test(self, trial: Finetuning) -> bool:
        """Measures a validated model on the test split; whether that succeeded."""
        measuring = self._measuring(self._folders[trial], "test")
        reason = self._ask(trial, Order(measuring=measuring)) if measuring else ""
        if reason:
            self.failures[trial] = reason
        return not reason

    def evaluation(self, trial: Finetuning) -> Path:
        """The folder of a model's evaluation on the test split."""
        return self._folders[trial] / "test"

    def _ask(self, trial: Trial, order: Order) -> str:
        """Why an order could not be carried out, or nothing."""
        try:
            return self._workers.ask(order)
        except StudyError as error:
            self.lost.add(trial)
            return str(error)

    def _folder_of(self, job: Job) -> Path:
        return self._folder / identify(job)[:_DIGITS]

    def _job(self, trial: Trial) -> Job:
        if isinstance(trial, Pretraining):
            return self._jobs.pretrain(trial)
        backbone = model_folder(self._folders[trial.pretraining]) if trial.pretraining else None
        return self._jobs.finetune(trial, backbone)

    def _measuring(self, folder: Path, split: Split) -> Measuring | None:
        if (folder / split / EvaluationReport.FILE).is_file():
            return None
        return Measuring(folder=str(folder), corpus=str(self._target), split=split, evaluation=self._evaluation)

    def _value(self, folder: Path) -> float:
        report = read(EvaluationReport, folder)
        found = report.metric(self._metric)
        if found is None:
            names = ", ".join(
                metric.name for metric in report.metrics if "/" in metric.name and "->" not in metric.name
            )
            raise StudyError(f"{folder} has no metric {self._metric!r}; give one of {names}")
        return found.value


def _is_trained(folder: Path) -> bool:
    return (model_folder(folder) / ModelManifest.FILE).is_file()
