"""What a training is told: grouped by the part of the system that obeys it."""

from dataclasses import dataclass, field
from typing import Literal

from vitrail.config import Config, require
from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus.pixels.augment import Augmentation
from vitrail.corpus.reader.balance import Balance
from vitrail.corpus.reader.config import ReaderConfig
from vitrail.tasks.find_loss import loss_names
from vitrail.tasks.weighting import TargetWeighting

__all__ = [
    "CheckpointConfig",
    "ComputeConfig",
    "FinetuneConfig",
    "LaunchConfig",
    "OptimizerConfig",
    "PretrainConfig",
    "ProbeConfig",
    "ScheduleConfig",
    "TrainJobConfig",
    "TrainingConfig",
]


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig(Config):
    """How gradients become updates.

    Attributes:
        weight_decay: On matrices only, never on biases, norms and embeddings that the trunk exempts.
        momentum: Of SGD.
        betas: Of AdamW.
        clip_norm: Largest norm of the whole gradient; None switches clipping off.
        layer_decay: Learning-rate factor from each layer of the trunk to the one below; 1 treats all alike.
        ema_decay: Decay of the moving average of weights that is served; None serves the last weights.
    """

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float | None = 1.0
    layer_decay: float = 1.0
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "must be above 0")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "must not be negative")
        require(0 < self.layer_decay <= 1, "layer_decay", self.layer_decay, "must be in (0, 1]")
        is_clip = self.clip_norm is None or self.clip_norm > 0
        require(is_clip, "clip_norm", self.clip_norm, "must be above 0; use null for none")
        is_ema = self.ema_decay is None or 0 < self.ema_decay < 1
        require(is_ema, "ema_decay", self.ema_decay, "must be in (0, 1); use null for none")


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(Config):
    """How long, in batches of which size, and the course of the learning rate.

    Attributes:
        batch_size: Images of one step over all processes and micro-batches.
        warmup_steps: Steps over which the learning rate rises linearly from 0.
        shape: Its fall to 0 over the other steps.
        accumulation: Micro-batches per step and process; the result is that of one large batch.
    """

    num_steps: int
    batch_size: int
    warmup_steps: int = 0
    shape: Literal["cosine", "linear"] = "cosine"
    accumulation: int = 1

    def __post_init__(self) -> None:
        require(self.num_steps >= 1, "num_steps", self.num_steps, "must be at least 1")
        require(self.batch_size >= 1, "batch_size", self.batch_size, "must be at least 1")
        is_within = 0 <= self.warmup_steps <= self.num_steps
        require(is_within, "warmup_steps", self.warmup_steps, f"must be within the {self.num_steps} steps")
        is_whole = self.accumulation >= 1 and self.batch_size % self.accumulation == 0
        require(is_whole, "accumulation", self.accumulation, f"must divide batch_size={self.batch_size}")


@dataclass(frozen=True, kw_only=True)
class ComputeConfig(Config):
    """How a step is computed; none of it changes what is learnt beyond rounding.

    Attributes:
        strategy: `ddp` keeps the model in every process, `fsdp2` shards weights, gradients and optimizer.
        precision: `bf16` computes under autocast with float32 weights.
        activation_checkpointing: Recomputes activations in the backward pass: less memory, more FLOPs.
        compile: `torch.compile`; needs a C++ compiler on a CPU.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    strategy: Literal["ddp", "fsdp2"] = "ddp"
    precision: Literal["fp32", "bf16"] = "fp32"
    activation_checkpointing: bool = False
    compile: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig(Config):
    """How often a checkpoint is written and how many stay."""

    every_steps: int = 500
    keep: int = 2

    def __post_init__(self) -> None:
        require(self.every_steps >= 1, "every_steps", self.every_steps, "must be at least 1")
        require(self.keep >= 1, "keep", self.keep, "must be at least 1")


@dataclass(frozen=True, kw_only=True)
class LaunchConfig(Config):
    """Processes of `torch.distributed.run`.

    Attributes:
        num_processes: On each node. Where there are fewer GPUs, or fewer cores and no GPU, the largest divisor that
            there are enough for.
        rendezvous: The host:port where several nodes meet; a TrainJob brings its own.
        num_workers: Reader processes beside each training process; 0 reads in the training process.
        max_restarts: How often a lost worker restarts the group from the last checkpoint.
    """

    num_processes: int = 1
    num_nodes: int = 1
    rendezvous: str | None = None
    num_workers: int = 0
    max_restarts: int = 3

    def __post_init__(self) -> None:
        require(self.num_processes >= 1, "num_processes", self.num_processes, "must be at least 1")
        require(self.num_nodes >= 1, "num_nodes", self.num_nodes, "must be at least 1")
        require(self.num_workers >= 0, "num_workers", self.num_workers, "must not be negative")
        require(self.max_restarts >= 0, "max_restarts", self.max_restarts, "must not be negative")

    @property
    def world_size(self) -> int:
        """Processes over all nodes."""
        return self.num_processes * self.num_nodes


@dataclass(frozen=True, kw_only=True)
class TrainJobConfig(Config):
    """How trainings run as TrainJobs.

    Attributes:
        runtime: Name of a torch (Cluster)TrainingRuntime.
        max_resubmissions: How often a TrainJob that lost a node is submitted again, from the last checkpoint;
            `LaunchConfig.max_restarts` is for lost workers of a node that lives.
        timeout_s: Of one TrainJob.
        poll_s: Between two looks at its state.
    """

    runtime: str = "torch-distributed"
    max_resubmissions: int = 2
    timeout_s: float = 7 * 24 * 3600
    poll_s: float = 10

    def __post_init__(self) -> None:
        require(self.timeout_s > self.poll_s > 0, "poll_s", self.poll_s, "must be above 0 and below timeout_s")
        require(self.max_resubmissions >= 0, "max_resubmissions", self.max_resubmissions, "must not be negative")


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(Config):
    """How often a pretraining looks at the features of validation images; none of it changes what is learnt.

    A look takes a forward pass an image: before the first step, every `every_steps`, and after the last step.

    Attributes:
        every_steps: Steps between two looks; None takes a quarter of the training.
        num_images: Most images that are looked at; their pixels stay in memory. 0 looks at none.
        max_cost: Share of the training's readings and passes that all looks may take together: fewer images are
            looked at where `num_images` would take more, but never fewer than 64.
    """

    every_steps: int | None = None
    num_images: int = 1024
    max_cost: float = 0.02

    def __post_init__(self) -> None:
        is_positive = self.every_steps is None or self.every_steps >= 1
        require(is_positive, "every_steps", self.every_steps, "must be at least 1; use null for a quarter of the steps")
        require(self.num_images >= 0, "num_images", self.num_images, "must not be negative")
        require(0 < self.max_cost <= 1, "max_cost", self.max_cost, "is a share of the training, in (0, 1]")

    def interval(self, num_steps: int) -> int:
        """Steps between two looks at a training of so many steps."""
        return self.every_steps or -(-num_steps // 4)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Config):
    """What both trainings share.

    Attributes:
        log_every_steps: Steps between two lines of `training.jsonl`.
        profile_steps: Steps that are profiled into `trace.json` (Chrome trace) beside the checkpoints.
    """

    schedule: ScheduleConfig
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    launch: LaunchConfig = field(default_factory=LaunchConfig)
    augmentation: Augmentation = field(default_factory=Augmentation)
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    log_every_steps: int = 10
    profile_steps: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        require(self.log_every_steps >= 1, "log_every_steps", self.log_every_steps, "must be at least 1")
        require(self.profile_steps >= 0, "profile_steps", self.profile_steps, "must not be negative")
        shares = self.launch.world_size * self.schedule.accumulation
        require(
            self.schedule.batch_size % shares == 0,
            "schedule.batch_size",
            self.schedule.batch_size,
            f"must be a multiple of {shares} (processes x accumulation)",
        )


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(TrainingConfig):
    """Weakly supervised pretraining on the labels of a label set.

    Attributes:
        loss: A loss for weak labels (`vitrail.tasks.losses`): `softmax` over all labels against a target
            distribution (Mahajan et al. 2018), `cosine`, the same over cosines to one direction a label (Zhai & Wu
            2019), or `sigmoid` with the head's bias at -10.
        target_weighting: What each of an image's k labels has of its target: a part by its score; 1/k (`uniform`); or
            a part by max(log(N / frequency), 0.001), where `frequency` of N images carry the label (`idf`). Under
            `sigmoid` labels do not share: the target of each is its score, 1, or its IDF over the largest there is.
        num_sampled_labels: Not with `sigmoid`: compute logits of this many labels besides those of the batch (for
            more than about 100,000 labels); 0 computes all.
        balance: Whether images of rare labels are drawn more often: max(1, (threshold / share of images) ** p)
            times, p = 0 (`natural`), 1/2 (`square_root`) or 1 (`uniform`), an image by its rarest label (Mahajan et
            al. 2018). As weights of the reader, never as copies.
        balance_threshold: Share of images from which a label is frequent enough; None takes that of the rarest of
            the labels that hold half of all (image, label) pairs.
        missing_labels: What to do about a training image without any label.
        initial_weights: What training starts from: the path of a safetensors file for the trunk (timm's names or this
            project's); or of a model folder, whose weak-label head goes on too, its rows remapped to the new labels;
            or `champion`, in a pipeline: the registry's champion when there is one.
        probe: How often the features of validation images are looked at.
    """

    architecture: Architecture
    transforms: Transforms
    loss: str = "cosine"
    target_weighting: TargetWeighting = "idf"
    num_sampled_labels: int = 0
    balance: Balance = "natural"
    balance_threshold: float | None = None
    missing_labels: Literal["error", "skip", "unlabelled"] = "skip"
    initial_weights: str | None = None
    probe: ProbeConfig = field(default_factory=ProbeConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_loss("loss", self.loss)
        sampled = self.num_sampled_labels
        require(sampled >= 0, "num_sampled_labels", sampled, "must not be negative")
        is_possible = sampled == 0 or self.loss in _DISTRIBUTIONS
        require(is_possible, "num_sampled_labels", sampled, f"a sub-sampled head needs {' or '.join(_DISTRIBUTIONS)}")
        threshold = self.balance_threshold
        is_share = threshold is None or 0 < threshold <= 1
        require(is_share, "balance_threshold", threshold, "is a share of images, in (0, 1]; use null for the head's")


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig(TrainingConfig):
    """Multi-task fine-tuning of one trunk for all tasks of a corpus.

    Attributes:
        architecture: Of a trunk that starts untrained; null takes that of the backbone.
        transforms: Null takes those of the backbone.
        embedding_dim: Width of the retrieval embedding, a multiple of 8.
        temperature: Of the softmax over proxies.
        frozen_steps: First steps that train only what the backbone did not bring.
        class_balance: Images of a classification task are drawn by class frequency to minus this power:
            0 draws evenly over images, 1 over classes. Retrieval tasks always draw evenly over classes.
        keep_annotations: Train on the weak labels too, so that the trunk does not forget them.
        labelled_share: Share of the groups (concepts) whose images are trained on, in every task; chosen by hash, so
            that those of a smaller share are among those of a larger.
        losses: By task, where it is not the loss of the task's kind; `annotations` is the task of weak labels.
    """

    architecture: Architecture | None = None
    transforms: Transforms | None = None
    embedding_dim: int = 256
    temperature: float = 0.05
    frozen_steps: int = 0
    class_balance: float = 0.5
    keep_annotations: bool = True
    labelled_share: float = 1.0
    losses: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        is_packed = self.embedding_dim >= 8 and self.embedding_dim % 8 == 0
        require(is_packed, "embedding_dim", self.embedding_dim, "must be a positive multiple of 8")
        require(self.temperature > 0, "temperature", self.temperature, "must be above 0")
        require(0 <= self.class_balance <= 1, "class_balance", self.class_balance, "must be in [0, 1]")
        require(0 < self.labelled_share <= 1, "labelled_share", self.labelled_share, "is a share, in (0, 1]")
        is_within = 0 <= self.frozen_steps <= self.schedule.num_steps
        require(is_within, "frozen_steps", self.frozen_steps, f"must be within {self.schedule.num_steps} steps")
        for task, loss in self.losses.items():
            _require_loss(f"losses.{task}", loss)


_DISTRIBUTIONS = ("softmax", "cosine")  # losses of one distribution over all labels


def _require_loss(name: str, loss: str) -> None:
    require(loss in loss_names(), name, loss, f"is no loss; there are {', '.join(loss_names())}")
