"""What the benchmarks of the training step share: a workload, the trainer on it, and a bare loop around timm.

The bare loop is what one writes in a notebook: timm model, linear head, torch's soft cross-entropy, fused AdamW,
clipping; pinned tensors are copied to the device without waiting, and no value is ever read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import timm
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import Corpus
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.corpus.reader.image_reader import Batch, Reader, Source
from vitrail.corpus.reader.tally import Tally
from vitrail.corpus.reader.targets import ListTargets
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_loss
from vitrail.training import CheckpointConfig, ComputeConfig, PretrainConfig, ScheduleConfig
from vitrail.training.distributed import Process
from vitrail.training.objective import Objective
from vitrail.training.trainer import Trainer

TASK, LABELS_PER_IMAGE = "annotations", 5


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A model and its batches."""

    architecture: Architecture
    image_size: int
    num_labels: int
    batch_size: int
    device: torch.device = field(default=torch.device("cpu"))
    precision: str = "fp32"

    @property
    def transforms(self) -> Transforms:
        """Of the model."""
        return Transforms(image_size=self.image_size)

    def model(self) -> VitrailModel:
        """This project's, untrained."""
        head = HeadSpec(name=TASK, kind="multilabel", dim=self.num_labels)
        return VitrailModel(self.architecture, self.transforms, [head])


class Peer:
    """A plain training loop around timm."""

    def __init__(self, workload: Workload, *, is_compiled: bool = False) -> None:
        torch.manual_seed(0)
        self._workload = workload
        architecture = workload.architecture
        trunk = timm.create_model(
            architecture.name, num_classes=0, img_size=workload.image_size, **architecture.options
        )
        self._model = nn.Sequential(trunk, nn.Linear(trunk.num_features, workload.num_labels)).train()
        self._model.to(workload.device)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)
        self._loss: Callable[..., Tensor] = torch.compile(self._compute) if is_compiled else self._compute

    def step(self, images: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """One step on a batch of the host; the loss, on the device."""
        moved = [tensor.to(self._workload.device, non_blocking=True) for tensor in (images, labels, weights)]
        is_bf16 = self._workload.precision == "bf16"
        with torch.autocast(self._workload.device.type, dtype=torch.bfloat16, enabled=is_bf16):
            loss = self._loss(*moved)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        return loss.detach()

    def _compute(self, images: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        logits = self._model((images.float() / 255 - 0.5) / 0.5)
        targets = torch.zeros(logits.shape, device=logits.device)
        targets = targets.scatter(1, labels, weights / weights.sum(dim=1, keepdim=True))
        return F.cross_entropy(logits.float(), targets)


def train(
    workload: Workload,
    batches: Callable[[], Iterator[Batch]],
    *,
    work: Path,
    num_steps: int,
    compute: ComputeConfig | None = None,
    log_every_steps: int = 10,
) -> None:
    """Runs this project's trainer over `batches()`, in the process group of this process; its log is in `work`."""
    work.mkdir()
    torch.manual_seed(0)
    task = TaskSpec(name=TASK, head=TASK, loss=find_loss("softmax", "multilabel"), num_classes=workload.num_labels)
    config = PretrainConfig(
        architecture=workload.architecture,
        transforms=workload.transforms,
        schedule=ScheduleConfig(num_steps=num_steps, batch_size=workload.batch_size),
        checkpoint=CheckpointConfig(every_steps=num_steps),
        augmentation=LIGHT,
        log_every_steps=log_every_steps,
        compute=compute or ComputeConfig(),
    )
    trainer = Trainer(
        Objective(workload.model(), [task]),
        config,
        Process(rank=0, world_size=1, device=workload.device, files=dist.new_group(backend="gloo")),
        work=work,
        identity="benchmark",
        title="train",
        open_reader=lambda position: batches(),
        name_image=lambda batch, item: batch.image_ids[item],
    )
    trainer.run(lambda: False)


def random_batch(workload: Workload) -> Batch:
    """Noise, with as many labels for every image; pinned where a GPU reads it."""
    generator = torch.Generator().manual_seed(0)
    size, num_images = workload.image_size, workload.batch_size
    images = torch.randint(0, 256, (num_images, 3, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, workload.num_labels, (num_images, LABELS_PER_IMAGE), generator=generator)
    targets = {TASK: labels, f"{TASK}/weights": torch.rand(labels.shape, generator=generator) + 0.1}
    tally = Tally.of({name: values.numpy() for name, values in targets.items()}, num_bytes=0)
    if workload.device.type == "cuda":
        images = images.pin_memory()
        targets = {name: values.pin_memory() for name, values in targets.items()}
    rows = torch.arange(num_images)
    return Batch(
        images=images,
        image_ids=[str(row) for row in rows.tolist()],
        rows=rows,
        epochs=torch.zeros_like(rows),
        source=torch.zeros_like(rows),
        targets=targets,
        tally=tally,
        position=num_images,
    )


def open_reader(workload: Workload, corpus: Corpus, num_workers: int) -> Reader:
    """This project's reader, with labels drawn at random."""
    generator = torch.Generator().manual_seed(0)
    labels = {
        image_id: (
            torch.randint(0, workload.num_labels, (LABELS_PER_IMAGE,), generator=generator).tolist(),
            [1.0] * LABELS_PER_IMAGE,
        )
        for image_id in corpus.index()["image_id"].to_pylist()
    }
    return Reader(
        [Source(corpus=corpus, targets=(ListTargets(TASK, labels),))],
        transforms=workload.transforms,
        augmentation=LIGHT,
        batch_size=workload.batch_size,
        num_workers=num_workers,
        pin_memory=workload.device.type == "cuda",
    )
