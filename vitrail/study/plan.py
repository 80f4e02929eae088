"""The trainings that arms come down to, in the order in which they run.

Two rounds: at seed 0 every arm is trained at each rate of the grid; the other seeds are trained at the rates that the
validation split chose. Arms that differ only in what comes after pretraining share their backbone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from vitrail.study.arms import Arm, LabelledCorpus

__all__ = ["Finetuning", "Pretraining", "Rates", "Trial", "plan_choice", "plan_repeats"]


@dataclass(frozen=True, kw_only=True, order=True)
class Rates:
    """The learning rates of an arm; an untrained trunk has no first one, which is 0 then."""

    finetune: float
    pretrain: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """A backbone."""

    source: LabelledCorpus
    backbone: str
    rate: float
    seed: int

    @property
    def title(self) -> str:
        """For the line of its progress."""
        name = f"{self.source.labels}@{self.source.corpus}/{self.backbone}"
        return f"pretrain {name} rate {self.rate:g} seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """A model of an arm; `pretraining` has to be done before it."""

    arm: Arm
    rates: Rates
    seed: int

    @property
    def pretraining(self) -> Pretraining | None:
        """The backbone that it starts from."""
        if self.arm.source is None:
            return None
        return Pretraining(source=self.arm.source, backbone=self.arm.backbone, rate=self.rates.pretrain, seed=self.seed)

    @property
    def title(self) -> str:
        """For the line of its progress."""
        return f"finetune {self.arm.name} rate {self.rates.finetune:g} seed {self.seed}"


Trial = Pretraining | Finetuning


def plan_choice(
    arms: Iterable[Arm], *, pretrain_rates: tuple[float, ...], finetune_rates: tuple[float, ...]
) -> list[Trial]:
    """Seed 0 of every arm at each rate of the grid."""
    return _with_pretrainings(
        Finetuning(arm=arm, rates=Rates(finetune=finetune, pretrain=pretrain), seed=0)
        for arm in arms
        for pretrain, finetune in product(pretrain_rates if arm.source else (0.0,), finetune_rates)
    )


def plan_repeats(chosen: Mapping[Arm, Rates], num_seeds: int) -> list[Trial]:
    """The other seeds of every arm at its chosen rates; all arms at one seed before any at the next."""
    return _with_pretrainings(
        Finetuning(arm=arm, rates=rates, seed=seed) for seed in range(1, num_seeds) for arm, rates in chosen.items()
    )


def _with_pretrainings(trials: Iterable[Finetuning]) -> list[Trial]:
    """Each pretraining once, right before the first trial that starts from it."""
    ordered: dict[Trial, None] = {}
    for trial in trials:
        if trial.pretraining:
            ordered.setdefault(trial.pretraining)
        ordered.setdefault(trial)
    return list(ordered)
