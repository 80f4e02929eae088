"""What a training was planned to take, and what it took."""

from dataclasses import dataclass

from vitrail.config import Config, require
from vitrail.contracts.contract import Contract
from vitrail.errors import TrainingError

__all__ = ["HARDWARE", "CorpusNumbers", "Hardware", "Plan", "PlanReview", "Taken"]


@dataclass(frozen=True, kw_only=True)
class Hardware(Config):
    """One device, and the share of its peak that training reaches.

    Attributes:
        peak_flops: Dense, per second, in the precision of the training.
        utilisation: Assumed; the report of a short run says what yours is.
    """

    name: str
    peak_flops: float
    utilisation: float

    def __post_init__(self) -> None:
        require(self.peak_flops > 0, "peak_flops", self.peak_flops, "must be above 0")
        require(0 < self.utilisation <= 1, "utilisation", self.utilisation, "must be in (0, 1]")


HARDWARE = {
    "a100": Hardware(name="a100", peak_flops=312e12, utilisation=0.40),
    "h100": Hardware(name="h100", peak_flops=989e12, utilisation=0.35),
    "cpu": Hardware(name="cpu", peak_flops=100e9, utilisation=0.5),  # about one core with AVX-512
}


@dataclass(frozen=True, kw_only=True)
class CorpusNumbers(Config):
    """Sizes of the training data.

    Attributes:
        num_images: Images in the split "train".
        bytes_per_image: Mean size of an encoded image.
        num_labels: Weak labels in the vocabulary (outputs of the pretraining head).
        labels_per_image: Mean over the images that have one.
        num_classes: Classes over all tasks: outputs of classification heads and proxies of retrieval.
    """

    num_images: int
    bytes_per_image: float
    num_labels: int
    labels_per_image: float
    num_classes: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training takes.

    Attributes:
        flops_per_image: Forward and backward, with recomputation under activation checkpointing.
        num_parameters: Of everything that is trained, proxies included.
        bytes_read: Encoded images, over all epochs; `bytes_read_per_s` is what storage must give.
        label_rows: Sidecar rows that are read, one an image seen; `label_values` is the labels in them.
        checkpoint_bytes: Of one checkpoint; `checkpoint_folder_bytes` while one more is written than is kept.
        device_hours: Over all devices.
    """

    num_steps: int
    num_images_seen: int
    epochs: float
    flops_per_image: int
    total_flops: float
    num_parameters: int
    bytes_read: float
    bytes_read_per_s: float
    label_rows: int
    label_values: float
    checkpoint_bytes: int
    checkpoint_folder_bytes: int
    model_bytes: int
    num_devices: int
    images_per_s: float
    hours: float
    device_hours: float


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run beside its plan: each pair is (planned, taken).

    Attributes:
        utilisation: Of the hardware's peak: assumed by the plan, and reached.
    """

    num_steps: tuple[int, int]
    hours: tuple[float, float]
    device_hours: tuple[float, float]
    images_per_s: tuple[float, float]
    bytes_read: tuple[float, int]
    label_rows: tuple[int, int]
    label_values: tuple[float, int]
    checkpoint_bytes: tuple[int, int]
    utilisation: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PlanReview(
    Contract,
    noun="a backbone that was trained after a plan",
    file="plan.json",
    error=TrainingError,
    remedy="pretrain the backbone again (step pretrain_backbone)",
):
    """A plan, what it was made from, and what came of it."""

    hardware: Hardware
    numbers: CorpusNumbers
    plan: Plan
    taken: Taken
