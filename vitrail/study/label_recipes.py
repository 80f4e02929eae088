"""Label recipes: ways to derive labels from the same texts, each the base recipe's with a few settings changed.

`unclustered` has a label for each term, however rare; `frequent` drops the rare ones, as is usual elsewhere.
Recipes that are no settings (those of other papers, raw keywords) join a study as label sets that were made elsewhere.
"""

from collections.abc import Callable
from dataclasses import replace

from vitrail.labels import LabelsConfig

__all__ = ["DEFAULT_LABELS", "LABEL_RECIPES"]

DEFAULT_LABELS = "default"

LABEL_RECIPES: dict[str, Callable[[LabelsConfig], LabelsConfig]] = {
    DEFAULT_LABELS: lambda labels: labels,
    "unclustered": lambda labels: replace(labels, clustering="none"),
    "frequent": lambda labels: replace(labels, clustering="none", min_images=10, coarser_levels=()),
}
