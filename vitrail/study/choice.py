"""Which rates an arm is trained with: those that did best on the validation split at seed 0."""

from collections.abc import Mapping

from vitrail.study.arms import Arm
from vitrail.study.plan import Finetuning, Rates

__all__ = ["choose_rates"]


def choose_rates(validated: Mapping[Finetuning, float]) -> dict[Arm, Rates]:
    """The best rates of each arm; of equal ones the lowest.

    Args:
        validated: What each finished trial of seed 0 reached on the validation split; more is better.
    """
    candidates: dict[Arm, dict[Rates, float]] = {}
    for trial, value in validated.items():
        if trial.seed == 0:
            candidates.setdefault(trial.arm, {})[trial.rates] = value
    return {arm: max(sorted(values), key=values.__getitem__) for arm, values in candidates.items()}
