"""What a training process is told, as a file; and what it leaves behind.

<work>/job.json           PretrainJob or FinetuneJob, written by whoever launches
<work>/rows/              what a pretraining draws from, see `vitrail.training.pretraining_rows`
<work>/checkpoints/       see `vitrail.training.checkpoint`
<work>/training.jsonl     one JSON object per logged step
<work>/result/            the model folder with its training.jsonl, once training is complete
<work>/failure.json       Failure, when it ended with an error
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vitrail.config import Config, require
from vitrail.contracts.codec import decode
from vitrail.contracts.files import read_json
from vitrail.contracts.lineage import Lineage
from vitrail.errors import TrainingError
from vitrail.training.config import FinetuneConfig, PretrainConfig

__all__ = [
    "FAILURE_FILE",
    "JOB_FILE",
    "RESULT_FOLDER",
    "ROWS_FOLDER",
    "TRACE_FILE",
    "BlendedCorpus",
    "Failure",
    "FinetuneJob",
    "Job",
    "PretrainJob",
    "list_checkpoints",
    "read_job",
]

JOB_FILE = "job.json"
TRACE_FILE = "trace.json"
RESULT_FOLDER = "result"
ROWS_FOLDER = "rows"
FAILURE_FILE = "failure.json"


@dataclass(frozen=True, kw_only=True)
class BlendedCorpus(Config):
    """A corpus that a pretraining reads beside its own.

    Attributes:
        labels: A label set derived from it, with the job's own as previous one: equal labels have equal ids.
        weight: Share of the places, relative to 1 of the job's own corpus.
    """

    corpus: str
    labels: str
    weight: float

    def __post_init__(self) -> None:
        require(self.weight > 0, "weight", self.weight, "give a share above 0")


@dataclass(frozen=True, kw_only=True)
class PretrainJob(Config):
    """Pretraining on a label set.

    Attributes:
        inputs: Digests of all that is read: paths may change between two starts, contents may not.
        blend: Further corpora; the head has the labels of all.
    """

    corpus: str
    labels: str
    config: PretrainConfig
    lineage: Lineage
    inputs: dict[str, str | None]
    blend: tuple[BlendedCorpus, ...] = ()
    kind: Literal["pretrain"] = "pretrain"


@dataclass(frozen=True, kw_only=True)
class FinetuneJob(Config):
    """Fine-tuning for the tasks of a corpus; without a backbone the trunk starts untrained.

    Attributes:
        inputs: As in `PretrainJob`.
    """

    corpus: str
    labels: str | None
    features: str | None
    backbone: str | None
    config: FinetuneConfig
    lineage: Lineage
    inputs: dict[str, str | None]
    kind: Literal["finetune"] = "finetune"


Job = PretrainJob | FinetuneJob


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a worker gave up: the name of a class of `vitrail.errors` and its message."""

    error: str
    message: str


def list_checkpoints(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def read_job(path: Path) -> Job:
    """Reads a job file.

    Raises:
        TrainingError: There is no such file, or it is not a job.
    """
    try:
        data = read_json(path)
        kind = {"pretrain": PretrainJob, "finetune": FinetuneJob}[data["kind"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is not a job file ({error}); launch the training again") from error
    return decode(kind, data, str(path))
