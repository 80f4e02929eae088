"""The study contract: what arms measured on the test split, and how they compare (`study.json`)."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vitrail.contracts.codec import read_optional
from vitrail.contracts.contract import Contract
from vitrail.errors import StudyError

__all__ = ["ArmResult", "Candidate", "Comparison", "Interval", "SizeFit", "SizePoint", "StudyReport", "find_study"]

_log = logging.getLogger(__name__)
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A value with its 95% percentile bootstrap over concepts, which are drawn whole."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Learning rates that an arm was tried with, and what they reached on the validation split at seed 0."""

    finetune_rate: float
    pretrain_rate: float | None  # None of an arm without pretraining
    value: float
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """One arm.

    Attributes:
        way: `none`, `longer`, or `<label recipe>@<corpus>`: what it is pretrained on.
        backbone: Name of the trunk.
        share: Of the target's concepts that keep their labels in fine-tuning.
        num_images: Labelled images of the corpus that it is pretrained on; 0 without pretraining.
        num_labels: Of the label set.
        num_steps: Of both trainings.
        images_seen: By both trainings.
        flops_per_image: Of the model, forwards.
        candidates: The grid of rates.
        by_seed: The metric of each seed on the test split.
        mean: Over the seeds.
    """

    way: str
    backbone: str
    share: float
    num_images: int
    num_labels: int
    num_steps: int
    images_seen: int
    flops_per_image: int
    candidates: tuple[Candidate, ...]
    by_seed: tuple[float, ...]
    mean: Interval

    @property
    def name(self) -> str:
        """Way, backbone and share."""
        return f"{self.way}/{self.backbone}/{100 * self.share:g}%"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much an arm is above another, as a share of the other: 0.1 is 10% more. Paired over test queries.

    Attributes:
        kind: At equal fine-tuning with `none`, at equal total computation with `longer`, with another label recipe on
            the same corpus, or with another backbone.
        arm: Name of the arm.
        base: Name of the other.
        num_seeds: That both have.
    """

    kind: Literal["finetuning", "compute", "labels", "backbone"]
    arm: str
    base: str
    gain: Interval
    num_seeds: int


@dataclass(frozen=True, kw_only=True)
class SizePoint:
    """An arm by the size of what it is pretrained on."""

    arm: str
    num_images: int
    error: float


@dataclass(frozen=True, kw_only=True)
class SizeFit:
    """A power law, error = factor * images ** exponent, fitted to logarithms by least squares.

    Attributes:
        labels: Label recipe of the arms.
        largest_residual: Of the logarithm of the error; with two points there is none to tell by.
    """

    labels: str
    backbone: str
    share: float
    exponent: float
    factor: float
    largest_residual: float
    points: tuple[SizePoint, ...]


@dataclass(frozen=True, kw_only=True)
class StudyReport(
    Contract,
    noun="a study",
    file="study.json",
    error=StudyError,
    remedy="make the study again (`vitrail study`); finished trainings are not made again",
):
    """What a study found (`study.json`).

    Attributes:
        budget: What was asked for, as JSON fields of `vitrail.study.StudyConfig`.
        target: Name of the corpus that was fine-tuned and measured on.
        num_queries: Of the test split.
        num_concepts: That the queries are of: independent draws of the bootstrap.
        smallest_difference: Half the width of the interval of a comparison, the median over them: a smaller relative
            difference cannot be told from none. None without a comparison.
        unfinished: Arms without a model at every seed, and why; comparisons that are not defined.
    """

    budget: dict[str, Any]
    target: str
    target_digest: str
    metric: str
    num_queries: int
    num_concepts: int
    smallest_difference: float | None
    arms: tuple[ArmResult, ...]
    comparisons: tuple[Comparison, ...]
    fits: tuple[SizeFit, ...] = ()
    unfinished: tuple[str, ...] = ()

    def arm(self, name: str) -> ArmResult | None:
        """The arm of that name, or None."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def comparison(self, kind: str, arm: str) -> Comparison | None:
        """The first comparison of that kind that an arm is in, or None."""
        return next((found for found in self.comparisons if (found.kind, found.arm) == (kind, arm)), None)


def find_study(named: str | None) -> StudyReport | None:
    """The study that a recipe names; None, and a line in the log, when there is none.

    Args:
        named: Its folder; a relative one is of the clone that this library lies in, whatever folder a task runs in.

    Raises:
        StudyError: There is one that is damaged or of another version.
    """
    if named is None:
        return None
    folder = _REPOSITORY / named
    report = read_optional(StudyReport, folder)
    if report is None:
        _log.info("the recipe names a study (study=%r), but %s has none: nothing is cited", named, folder)
    return report
