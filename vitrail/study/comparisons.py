"""Which arms are compared with which."""

from collections.abc import Iterator, Sequence
from typing import Literal

from vitrail.study.arms import Arm, unpretrained
from vitrail.study.label_recipes import DEFAULT_LABELS

__all__ = ["Kind", "list_comparisons"]

Kind = Literal["finetuning", "compute", "labels", "backbone"]
_BACKBONES = ("vit", "cnn")


def list_comparisons(arms: Sequence[Arm]) -> Iterator[tuple[Kind, Arm, Arm]]:
    """Kind, arm and base of each comparison between arms that are there.

    Every pretrained arm with the two that are not; the default labels with every other recipe on the same corpus; and
    the recipe's backbone with the CNN where all else is equal.
    """
    known = set(arms)
    for arm in arms:
        pairs: list[tuple[Kind, Arm]] = []
        if arm.source:
            pairs += [
                ("finetuning", unpretrained(arm, is_longer=False)),
                ("compute", unpretrained(arm, is_longer=True)),
            ]
        pairs += [("labels", other) for other in arms if _are_label_rivals(arm, other)]
        pairs += [("backbone", other) for other in arms if _are_backbone_rivals(arm, other)]
        yield from ((kind, arm, base) for kind, base in pairs if base in known)


def _are_label_rivals(arm: Arm, other: Arm) -> bool:
    if not (arm.source and other.source):
        return False
    is_same = (arm.backbone, arm.share, arm.source.corpus) == (other.backbone, other.share, other.source.corpus)
    return is_same and arm.source.labels == DEFAULT_LABELS != other.source.labels


def _are_backbone_rivals(arm: Arm, other: Arm) -> bool:
    return (arm.way, arm.share) == (other.way, other.share) and (arm.backbone, other.backbone) == _BACKBONES
