"""What a study is told: which arms, and how much is spent on each."""

from dataclasses import dataclass

from vitrail.config import Config, require
from vitrail.study.backbones import BACKBONES
from vitrail.study.label_recipes import LABEL_RECIPES
from vitrail.training import ScheduleConfig

__all__ = ["StudyConfig"]


@dataclass(frozen=True, kw_only=True)
class StudyConfig(Config):
    """The arms of a study and its budget.

    Attributes:
        recipe: Name or file of the recipe that everything is taken from which is not said here.
        target: Name or folder of the corpus that models are fine-tuned and measured on.
        metric: A metric of the target's evaluation in which more is better.
        corpora: Names or folders of the corpora to pretrain on.
        labels: Names of label recipes (`vitrail.study.label_recipes`); label sets named beside them join them.
        shares: Shares of the target's concepts that keep their labels in fine-tuning, smallest first.
        backbones: Names of trunks (`vitrail.study.backbones`).
        num_seeds: Trainings of each arm at the rates that were chosen.
        pretrain: Length of every pretraining; None takes the recipe's.
        finetune: Length of every fine-tuning at equal fine-tuning; None takes the recipe's.
        pretrain_rates: Learning rates that pretraining chooses from; empty takes the recipe's.
        finetune_rates: Learning rates that every arm's fine-tuning chooses from; empty takes the recipe's.
        minutes: After which no further training starts; what is whole by then is measured. None waits for all.
    """

    recipe: str = "emoji"
    target: str = "emoji"
    metric: str = "concept/float/p_at_1"
    corpora: tuple[str, ...] = ("emoji",)
    labels: tuple[str, ...] = ("default",)
    shares: tuple[float, ...] = (1.0,)
    backbones: tuple[str, ...] = ("vit",)
    num_seeds: int = 3
    pretrain: ScheduleConfig | None = None
    finetune: ScheduleConfig | None = None
    pretrain_rates: tuple[float, ...] = ()
    finetune_rates: tuple[float, ...] = ()
    minutes: float | None = None

    def __post_init__(self) -> None:
        for field in ("corpora", "labels", "shares", "backbones", "pretrain_rates", "finetune_rates"):
            values = getattr(self, field)
            require(len(set(values)) == len(values), field, values, "name each once")
        for field in ("shares", "backbones"):
            require(len(getattr(self, field)) > 0, field, getattr(self, field), "give one or more")
        for field, known in (("labels", LABEL_RECIPES), ("backbones", BACKBONES)):
            unknown = sorted(set(getattr(self, field)) - set(known))
            require(not unknown, field, unknown, f"give some of {', '.join(known)}")
        is_shares = all(0 < share <= 1 for share in self.shares)
        require(is_shares, "shares", self.shares, "are shares of concepts, in (0, 1]")
        for field in ("pretrain_rates", "finetune_rates"):
            require(all(rate > 0 for rate in getattr(self, field)), field, getattr(self, field), "must be above 0")
        require(self.num_seeds >= 1, "num_seeds", self.num_seeds, "give 1 or more")
        require(
            self.minutes is None or self.minutes > 0, "minutes", self.minutes, "give more than 0; null for no limit"
        )
