"""How the error falls with the size of what is pretrained on: a power law, a line in logarithms."""

from collections.abc import Sequence

import numpy as np

from vitrail.contracts.study import ArmResult, SizeFit, SizePoint

__all__ = ["fit_sizes"]


def fit_sizes(arms: Sequence[ArmResult]) -> tuple[SizeFit, ...]:
    """A fit for each label recipe, backbone and share with corpora of two sizes or more."""
    families: dict[tuple[str, str, float], list[ArmResult]] = {}
    for arm in arms:
        if arm.num_images and arm.mean.value < 1:
            families.setdefault((arm.way.split("@")[0], arm.backbone, arm.share), []).append(arm)
    return tuple(
        _fit(*family, sorted(members, key=lambda arm: arm.num_images))
        for family, members in families.items()
        if len({arm.num_images for arm in members}) > 1
    )


def _fit(labels: str, backbone: str, share: float, arms: Sequence[ArmResult]) -> SizeFit:
    sizes = np.log([arm.num_images for arm in arms])
    errors = np.log([1 - arm.mean.value for arm in arms])
    exponent, intercept = np.polyfit(sizes, errors, 1)
    return SizeFit(
        labels=labels,
        backbone=backbone,
        share=share,
        exponent=float(exponent),
        factor=float(np.exp(intercept)),
        largest_residual=float(np.abs(errors - (exponent * sizes + intercept)).max()),
        points=tuple(SizePoint(arm=arm.name, num_images=arm.num_images, error=1 - arm.mean.value) for arm in arms),
    )
