"""Arms: the ways to a model that a study compares."""

from collections.abc import Iterable
from dataclasses import dataclass

from vitrail.study.config import StudyConfig

__all__ = ["LONGER", "NONE", "Arm", "LabelledCorpus", "list_arms", "unpretrained"]

NONE = "none"  # the fine-tuning of every arm, from an untrained trunk
LONGER = "longer"  # an untrained trunk that is fine-tuned with the computation of both trainings


@dataclass(frozen=True, kw_only=True)
class LabelledCorpus:
    """What a pretraining reads: a corpus and the recipe of its labels, both by name."""

    labels: str
    corpus: str


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way to a model.

    Attributes:
        backbone: Name of the trunk.
        share: Of the target's concepts that keep their labels in fine-tuning.
        source: What it is pretrained on; None starts from an untrained trunk.
        is_longer: Fine-tuned with the computation of both trainings.
    """

    backbone: str
    share: float
    source: LabelledCorpus | None = None
    is_longer: bool = False

    @property
    def way(self) -> str:
        """What distinguishes it from the other arms of its backbone and share."""
        if self.source is None:
            return LONGER if self.is_longer else NONE
        return f"{self.source.labels}@{self.source.corpus}"

    @property
    def name(self) -> str:
        """Way, backbone and share."""
        return f"{self.way}/{self.backbone}/{100 * self.share:g}%"


def unpretrained(arm: Arm, *, is_longer: bool) -> Arm:
    """The arm without pretraining that another is compared with: at equal fine-tuning, or at equal computation."""
    return Arm(backbone=arm.backbone, share=arm.share, is_longer=is_longer)


def list_arms(config: StudyConfig, sources: Iterable[LabelledCorpus]) -> tuple[Arm, ...]:
    """Every arm of a study: two without pretraining and one a source, for each backbone and share."""
    sources = tuple(sources)
    return tuple(
        arm
        for backbone in config.backbones
        for share in config.shares
        for arm in (
            Arm(backbone=backbone, share=share),
            Arm(backbone=backbone, share=share, is_longer=True),
            *(Arm(backbone=backbone, share=share, source=source) for source in sources),
        )
    )
