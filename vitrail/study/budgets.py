"""Named budgets: which arms are worth having in so much time, and how long each is trained.

Steps are those that keep the order of arms, not those that make the best models. A budget's minutes are a limit: after
them no training starts, and arms that are not whole are named in the result.
"""

from collections.abc import Callable
from pathlib import Path

from vitrail.contracts.codec import load
from vitrail.errors import ConfigError
from vitrail.study.config import StudyConfig
from vitrail.training import ScheduleConfig

__all__ = ["BUDGETS", "find_budget"]

_RATES = (1e-3, 3e-3)


def _half_hour() -> StudyConfig:
    """Two cores, half an hour: does pretraining pay where a tenth of the concepts have labels? One seed is whole then.

    A shorter pretraining is worth less than the same computation spent on fine-tuning (docs/LOG.md).
    """
    return StudyConfig(
        target="icons-20k",
        corpora=("icons-20k",),
        labels=("default",),
        shares=(0.1,),
        pretrain=ScheduleConfig(num_steps=2000, batch_size=64, warmup_steps=200),
        finetune=ScheduleConfig(num_steps=200, batch_size=64, warmup_steps=20),
        finetune_rates=_RATES,
        minutes=28,
    )


def _night() -> StudyConfig:
    """Two cores, eight hours: longer trainings, three corpora, three shares, and a CNN beside the ViT."""
    return StudyConfig(
        target="icons-20k",
        corpora=("emoji", "icons-20k", "icons-60k"),
        labels=("default", "unclustered", "frequent"),
        shares=(0.01, 0.1, 1.0),
        backbones=("vit", "cnn"),
        pretrain=ScheduleConfig(num_steps=900, batch_size=128, warmup_steps=90),
        finetune=ScheduleConfig(num_steps=300, batch_size=64, warmup_steps=30),
        finetune_rates=_RATES,
        minutes=470,
    )


def _gpu_10min() -> StudyConfig:
    """One GPU, ten minutes: as half an hour on two cores, with more pretraining data."""
    return StudyConfig(
        target="icons-20k",
        corpora=("icons-20k", "icons-60k"),
        labels=("default", "unclustered"),
        shares=(0.1, 1.0),
        pretrain=ScheduleConfig(num_steps=600, batch_size=256, warmup_steps=60),
        finetune=ScheduleConfig(num_steps=200, batch_size=128, warmup_steps=20),
        finetune_rates=_RATES,
        minutes=9,
    )


BUDGETS: dict[str, Callable[[], StudyConfig]] = {
    "half-hour": _half_hour,
    "night": _night,
    "gpu-10min": _gpu_10min,
}


def find_budget(name: str) -> StudyConfig:
    """The study of a named budget, or of a JSON file with the fields of one.

    Raises:
        ConfigError: There is neither, or a field of the file is not usable.
    """
    if name in BUDGETS:
        return BUDGETS[name]()
    if Path(name).suffix != ".json":
        raise ConfigError(f"budget={name!r}: give one of {', '.join(BUDGETS)}, or a JSON file with a study's fields")
    return load(StudyConfig, Path(name))
