"""The training step against a bare timm loop, and with the reader attached.

    make bench-train

Both loops take the same tensors, model, loss, optimizer and clipping and take turns step by step in one
process, so that whatever else the machine does hits both alike:

    peer      timm model, linear head, torch's soft cross-entropy, AdamW: what one writes in a notebook
    trainer   this project's loop: counts labels, checks the loss, schedules, logs, polls checkpoints
    reader    the trainer fed by the reader from tars, with augmentation; share of time waiting for data

The reader's rounds alternate with rounds of the trainer on tensors that are there already: their rate is the limit.
"""

import argparse
import dataclasses
import functools
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import timm
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from vitrail.contracts.models import METRICS_FILE, Architecture, HeadSpec, Transforms
from vitrail.corpus import Corpus, build_corpus, open_corpus
from vitrail.corpus.pixels.augment import LIGHT
from vitrail.corpus.reader.image_reader import Batch, Reader, Source
from vitrail.corpus.reader.tally import Tally
from vitrail.corpus.reader.targets import ListTargets
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_loss
from vitrail.training import CheckpointConfig, PretrainConfig, ScheduleConfig
from vitrail.training.distributed import Process
from vitrail.training.objective import Objective
from vitrail.training.trainer import Trainer

NUM_LABELS, LABELS_PER_IMAGE, WARMUP_STEPS = 1000, 5, 3
TASK = "annotations"
TRANSFORMS = Transforms(image_size=64)
ARCHITECTURE = Architecture(name="vit_tiny_patch16_224", options={"patch_size": 8, "depth": 6})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3, help="of the trainer with and without the reader")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1, help="reader processes")
    options = parser.parse_args()
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options)
    dist.destroy_process_group()
    print(json.dumps(result))


def measure(folder: Path, options: argparse.Namespace) -> dict:
    build_corpus("emoji-mini", folder / "corpus")
    corpus = open_corpus(folder / "corpus")
    num_steps, batch_size = options.steps + WARMUP_STEPS, options.batch_size
    turns = Turns(batch_size)
    train(folder / "turns", num_steps, batch_size, corpus, turns.batches)
    trainer_s = statistics.median(turns.trainer_s[WARMUP_STEPS:])
    peer_s = statistics.median(turns.peer_s[WARMUP_STEPS:])
    pairs = list(zip(turns.peer_s, turns.trainer_s, strict=False))[WARMUP_STEPS:]
    ratio = statistics.median(peer / own for peer, own in pairs)
    print(f"peer     {batch_size / peer_s:8.1f} images/s")
    cpu_ratio = statistics.median(turns.cpu_ratios[WARMUP_STEPS:])
    print(
        f"trainer  {batch_size / trainer_s:8.1f} images/s, {ratio:.3f} of the peer (goal 0.97), "
        f"{cpu_ratio:.3f} by CPU time"
    )
    alone, fed, wait = measure_reader(folder, options, corpus)
    limit = statistics.median(mine / there for mine, there in zip(fed, alone, strict=True))
    print(
        f"reader   {statistics.median(fed):8.1f} images/s with {options.workers} worker(s), {limit:.3f} of the trainer "
        f"on tensors, {wait:.3f} of the time waiting for data"
    )
    return {
        "name": "train",
        "value": round(batch_size / trainer_s, 1),
        "unit": "images/s",
        "ratio_to_peer": round(ratio, 4),
        "ratio_to_limit": round(limit, 4),
        "cpu_ratio_to_peer": round(cpu_ratio, 4),
        "with_reader": round(statistics.median(fed), 1),
        "data_wait_share": round(wait, 4),
        "batch_size": batch_size,
        "num_threads": torch.get_num_threads(),
    }


def measure_reader(folder: Path, options: argparse.Namespace, corpus: Corpus) -> tuple[list[float], list[float], float]:
    """Rates by round of the trainer on tensors and fed by the reader, and the share of time the latter waited."""
    batch = random_batch(options.batch_size)
    stream = iter(open_reader(corpus, options.batch_size, options.workers))
    alone, fed, waits = [], [], []
    for number in range(options.rounds):
        for name, batches, rates in (("alone", itertools.repeat(batch), alone), ("fed", stream, fed)):
            work = folder / f"{name}-{number}"
            lines = train(
                work, options.steps + WARMUP_STEPS, options.batch_size, corpus, functools.partial(iter, batches)
            )[WARMUP_STEPS:]
            rates.append(statistics.median(line["images_per_s"] for line in lines))
            if batches is stream:
                waits += [line["data_wait_share"] for line in lines]
    return alone, fed, statistics.fmean(waits)


def config_for(num_steps: int, batch_size: int) -> PretrainConfig:
    return PretrainConfig(
        architecture=ARCHITECTURE,
        transforms=TRANSFORMS,
        schedule=ScheduleConfig(num_steps=num_steps, batch_size=batch_size),
        checkpoint=CheckpointConfig(every_steps=num_steps),
        augmentation=LIGHT,
        log_every_steps=1,
    )


def train(work: Path, num_steps: int, batch_size: int, corpus: Corpus, batches) -> list[dict]:
    """Runs the trainer over `batches()` and returns its log."""
    work.mkdir()
    torch.manual_seed(0)
    head = HeadSpec(name=TASK, kind="multilabel", dim=NUM_LABELS)
    task = TaskSpec(name=TASK, head=TASK, loss=find_loss("softmax", "multilabel"), num_classes=NUM_LABELS)
    here = Process(rank=0, world_size=1, device=torch.device("cpu"), files=dist.new_group(backend="gloo"))
    trainer = Trainer(
        Objective(VitrailModel(ARCHITECTURE, TRANSFORMS, [head]), [task]),
        config_for(num_steps, batch_size),
        here,
        work=work,
        identity="benchmark",
        title="train",
        open_reader=lambda position: batches(),
        name_image=lambda batch, item: batch.image_ids[item],
    )
    trainer.run(lambda: False)
    return [json.loads(line) for line in (work / METRICS_FILE).read_text().splitlines()]


class Turns:
    """Hands a batch to the trainer, and takes a step of the peer whenever the trainer asks for the next."""

    def __init__(self, batch_size: int) -> None:
        self.trainer_s: list[float] = []
        self.peer_s: list[float] = []
        self.cpu_ratios: list[float] = []  # peer over trainer in CPU time, which other programs do not slow down
        self._batch = random_batch(batch_size)
        self._peer = Peer()

    def batches(self) -> Iterator[Batch]:
        """The trainer's micro-batches, timed between two of its requests."""
        while True:
            begin, begin_cpu = time.perf_counter(), time.process_time()
            yield self._batch
            middle, middle_cpu = time.perf_counter(), time.process_time()
            self._peer.step(self._batch)
            self.trainer_s.append(middle - begin)
            self.peer_s.append(time.perf_counter() - middle)
            self.cpu_ratios.append((time.process_time() - middle_cpu) / (middle_cpu - begin_cpu))


class Peer:
    """A plain training loop around timm."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        trunk = timm.create_model(
            ARCHITECTURE.name, num_classes=0, img_size=TRANSFORMS.image_size, **ARCHITECTURE.options
        )
        self.model = nn.Sequential(trunk, nn.Linear(trunk.num_features, NUM_LABELS)).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, weight_decay=0.05, fused=True)

    def step(self, batch: Batch) -> float:
        """One step; returns the loss, as loops that log it do."""
        images = (batch.images.float() / 255 - 0.5) / 0.5
        logits = self.model(images)
        loss = F.cross_entropy(logits, soft_targets(batch))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item()


def soft_targets(batch: Batch) -> Tensor:
    weights = batch.targets[f"{TASK}/weights"]
    targets = torch.zeros(len(weights), NUM_LABELS)
    return targets.scatter_(1, batch.targets[TASK], weights / weights.sum(dim=1, keepdim=True))


def random_batch(batch_size: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    size = TRANSFORMS.image_size
    images = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8, generator=generator)
    labels = torch.rand(batch_size, NUM_LABELS, generator=generator).argsort(dim=1)[:, :LABELS_PER_IMAGE]
    weights = torch.rand(batch_size, LABELS_PER_IMAGE, generator=generator) + 0.1
    rows = torch.arange(batch_size)
    targets = {TASK: labels.contiguous(), f"{TASK}/weights": weights}
    return Batch(
        images=images,
        image_ids=[str(row) for row in rows.tolist()],
        rows=rows,
        epochs=torch.zeros_like(rows),
        source=torch.zeros_like(rows),
        targets=targets,
        tally=Tally.of({name: value.numpy() for name, value in targets.items()}, num_bytes=0),
        position=batch_size,
    )


def open_reader(corpus: Corpus, batch_size: int, num_workers: int) -> Reader:
    generator = torch.Generator().manual_seed(0)
    labels = {
        image_id: (
            torch.randperm(NUM_LABELS, generator=generator)[:LABELS_PER_IMAGE].tolist(),
            [1.0] * LABELS_PER_IMAGE,
        )
        for image_id in corpus.index()["image_id"].to_pylist()
    }
    return Reader(
        [Source(corpus=corpus, targets=(ListTargets(TASK, labels),))],
        transforms=dataclasses.replace(TRANSFORMS),
        augmentation=LIGHT,
        batch_size=batch_size,
        num_workers=num_workers,
    )


if __name__ == "__main__":
    main()
