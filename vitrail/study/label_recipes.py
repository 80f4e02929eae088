"""Label recipes: ways to derive labels from the same texts, each the base recipe's with a few settings changed.

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
}
