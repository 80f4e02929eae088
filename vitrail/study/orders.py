"""What a worker of a study is told, and where it leaves what it makes.

<folder>/model/          the trained model
<folder>/val/, test/     its evaluations, by split
<folder>/work/           checkpoints, until the model is whole
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vitrail.config import Config
from vitrail.evaluation import EvaluationConfig
from vitrail.training.job import FinetuneJob, PretrainJob

__all__ = ["Measuring", "Order", "Split", "Training", "model_folder", "work_folder"]

Split = Literal["val", "test"]


@dataclass(frozen=True, kw_only=True)
class Training(Config):
    """Trains a job; the model appears in `folder`, and its checkpoints go."""

    folder: str
    job: PretrainJob | FinetuneJob


@dataclass(frozen=True, kw_only=True)
class Measuring(Config):
    """Measures the model of `folder` on a split of a corpus; the evaluation appears there, under the split's name."""

    folder: str
    corpus: str
    split: Split
    evaluation: EvaluationConfig


@dataclass(frozen=True, kw_only=True)
class Order(Config):
    """One of the two."""

    training: Training | None = None
    measuring: Measuring | None = None


def model_folder(folder: Path) -> Path:
    """Where the model of a training appears."""
    return folder / "model"


def work_folder(folder: Path) -> Path:
    """Where its checkpoints lie until then."""
    return folder / "work"
