"""What each trial trains: the recipe's trainings with the arm's source, trunk, share, rates and length."""

import math
from dataclasses import replace
from pathlib import Path

from vitrail.contracts.lineage import Lineage
from vitrail.study.arms import Arm
from vitrail.study.backbones import architecture_of
from vitrail.study.config import StudyConfig
from vitrail.study.materials import Materials
from vitrail.study.plan import Finetuning, Pretraining, Trial
from vitrail.training import FinetuneJob, LaunchConfig, PretrainJob, ScheduleConfig, finetune_job, pretrain_job

__all__ = ["Jobs", "lengthen"]

_LINEAGE = Lineage(run_id="study")


class Jobs:
    """From trials to jobs."""

    def __init__(self, config: StudyConfig, materials: Materials) -> None:
        """Takes what the study does not say from the recipe."""
        recipe = materials.recipe
        self._materials, self._recipe = materials, recipe
        self.pretrain_schedule = config.pretrain or recipe.pretrain.schedule
        self.finetune_schedule = config.finetune or recipe.finetune.schedule
        self.pretrain_rates = config.pretrain_rates or (recipe.pretrain.optimizer.learning_rate,)
        self.finetune_rates = config.finetune_rates or (recipe.finetune.optimizer.learning_rate,)

    def schedules_of(self, arm: Arm) -> tuple[ScheduleConfig, ...]:
        """The trainings that lead to a model of an arm."""
        if arm.source:
            return self.pretrain_schedule, self.finetune_schedule
        return (lengthen(self.finetune_schedule, self.pretrain_schedule) if arm.is_longer else self.finetune_schedule,)

    def num_images(self, trial: Trial) -> int:
        """Images that a trial goes through."""
        schedule = self.pretrain_schedule if isinstance(trial, Pretraining) else self.schedules_of(trial.arm)[-1]
        return schedule.num_steps * schedule.batch_size

    def pretrain(self, trial: Pretraining) -> PretrainJob:
        """The job of a backbone."""
        source, config = self._materials.sources[trial.source], self._recipe.pretrain
        return pretrain_job(
            corpus=source.corpus,
            labels=source.labels,
            config=replace(
                config,
                architecture=architecture_of(trial.backbone, config.architecture),
                schedule=self.pretrain_schedule,
                optimizer=replace(config.optimizer, learning_rate=trial.rate),
                launch=LaunchConfig(),
                seed=trial.seed,
            ),
            lineage=_LINEAGE,
        )

    def finetune(self, trial: Finetuning, backbone: Path | None) -> FinetuneJob:
        """The job of a model; every arm names the architecture, for two of them have no backbone."""
        config, arm = self._recipe.finetune, trial.arm
        schedule = self.schedules_of(arm)[-1]
        return finetune_job(
            corpus=self._materials.target.path,
            labels=None,
            features=None,
            backbone=backbone,
            config=replace(
                config,
                architecture=architecture_of(arm.backbone, self._recipe.pretrain.architecture),
                transforms=self._recipe.pretrain.transforms,
                schedule=schedule,
                optimizer=replace(config.optimizer, learning_rate=trial.rates.finetune),
                frozen_steps=min(config.frozen_steps, schedule.num_steps) if backbone else 0,
                labelled_share=arm.share,
                launch=LaunchConfig(),
                seed=trial.seed,
            ),
            lineage=_LINEAGE,
        )


def lengthen(schedule: ScheduleConfig, other: ScheduleConfig) -> ScheduleConfig:
    """The first schedule with as many steps more as go through the images of the other."""
    more = math.ceil(other.num_steps * other.batch_size / schedule.batch_size)
    return replace(schedule, num_steps=schedule.num_steps + more)
