"""Trainers in this process, on batches of noise."""

import contextlib
import itertools
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor

from builders.training_jobs import TRANSFORMS, TRUNK, pretrain_config
from vitrail.contracts.models import HeadSpec
from vitrail.corpus.reader.image_reader import Batch
from vitrail.corpus.reader.tally import Tally
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_loss
from vitrail.training import ScheduleConfig
from vitrail.training.distributed import Process
from vitrail.training.objective import Objective
from vitrail.training.trainer import Trainer

__all__ = ["BATCH", "batches", "make_trainer", "one_process", "parameters_of"]

NUM_LABELS, BATCH = 12, 8


@contextlib.contextmanager
def one_process() -> Iterator[Process]:
    """A process group of this process alone."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield Process(rank=0, world_size=1, device=torch.device("cpu"), files=dist.new_group(backend="gloo"))
    dist.destroy_process_group()


def batches(position=0, num_labels=NUM_LABELS):
    """Endless; the next at any position is the same for every training."""
    for number in itertools.count(position // BATCH):
        generator = torch.Generator().manual_seed(number)
        rows = torch.arange(BATCH)
        size = TRANSFORMS.image_size
        images = torch.randint(0, 256, (BATCH, 3, size, size), dtype=torch.uint8, generator=generator)
        targets = {
            "annotations": torch.randint(0, num_labels, (BATCH, 2), generator=generator),
            "annotations/weights": torch.rand(BATCH, 2, generator=generator) + 0.1,
        }
        yield Batch(
            images=images,
            image_ids=[f"image-{number}-{row}" for row in range(BATCH)],
            rows=rows,
            epochs=torch.zeros_like(rows),
            source=torch.zeros_like(rows),
            targets=targets,
            tally=Tally.of({name: value.numpy() for name, value in targets.items()}, num_bytes=100 * BATCH),
            position=(number + 1) * BATCH,
        )


def make_trainer(work, process, *, num_labels=NUM_LABELS, num_sampled=0, loss="softmax", reader=None, **changes):
    schedule = ScheduleConfig(num_steps=3, batch_size=BATCH)
    config = pretrain_config(**{"schedule": schedule, **changes})
    torch.manual_seed(0)
    chosen = find_loss(loss, "multilabel")
    head = HeadSpec(
        name="annotations",
        kind="multilabel",
        dim=num_labels,
        label_ids=tuple(range(num_labels)),
        activation=chosen.activation,
    )
    task = TaskSpec(
        name="annotations", head="annotations", loss=chosen, num_classes=num_labels, num_sampled=num_sampled
    )
    work.mkdir(exist_ok=True)
    return Trainer(
        Objective(VitrailModel(TRUNK, TRANSFORMS, [head]), [task]),
        config,
        process,
        work=work,
        identity="test",
        title="train",
        open_reader=reader or (lambda position: batches(position, num_labels)),
        name_image=lambda batch, item: f"00000/{batch.image_ids[item]}",
    )


def parameters_of(trainer):
    """All parameters, as one vector."""
    found = [parameter.detach() for parameter in trainer._objective.parameters()]
    whole = [part.full_tensor() if isinstance(part, DTensor) else part for part in found]
    return torch.cat([part.flatten() for part in whole])
