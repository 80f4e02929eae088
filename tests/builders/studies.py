"""Studies whose outcomes are made up."""

import dataclasses
from pathlib import Path
from typing import Any

from vitrail.contracts.codec import write
from vitrail.contracts.study import ArmResult, Candidate, Comparison, Interval, StudyReport
from vitrail.study.size_fit import fit_sizes

__all__ = ["compared", "interval", "report_of", "result_of", "write_study"]


def interval(value: float, width: float = 0.02) -> Interval:
    return Interval(value=value, low=value - width, high=value + width)


def compared(
    gain: Interval, kind: str = "finetuning", arm: str = "default@icons/vit/100%", base: str = "none/vit/100%"
) -> Comparison:
    return Comparison(kind=kind, arm=arm, base=base, gain=gain, num_seeds=2)


def result_of(way: str, value: float, num_images: int = 0, share: float = 1.0) -> ArmResult:
    return ArmResult(
        way=way,
        backbone="vit",
        share=share,
        num_images=num_images,
        num_labels=7 if num_images else 0,
        num_steps=300,
        images_seen=19_200,
        flops_per_image=1000,
        candidates=(Candidate(finetune_rate=1e-3, pretrain_rate=None, value=0.25, is_chosen=True),),
        by_seed=(value - 0.01, value + 0.01),
        mean=interval(value),
    )


def report_of(*arms: ArmResult, comparisons: tuple[Comparison, ...] = (), **changes: Any) -> StudyReport:
    return dataclasses.replace(
        StudyReport(
            budget={},
            target="icons",
            target_digest="d",
            metric="concept/float/p_at_1",
            num_queries=4000,
            num_concepts=900,
            smallest_difference=0.08,
            arms=arms,
            comparisons=comparisons,
            fits=fit_sizes(arms),
        ),
        **changes,
    )


def write_study(folder: Path) -> Path:
    """A study of one label recipe on corpora of two sizes."""
    arms = [result_of("none", 0.2), result_of("default@small", 0.3, 8_000), result_of("default@large", 0.4, 64_000)]
    gains = {"default@small/vit/100%": 0.5, "default@large/vit/100%": 1.0}
    comparisons = tuple(compared(interval(gain, 0.1), arm=arm) for arm, gain in gains.items())
    write(folder, report_of(*arms, comparisons=comparisons))
    return folder
