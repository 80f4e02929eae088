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
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist

from training_steps import TASK, Peer, Workload, open_reader, random_batch, train
from vitrail.contracts.models import METRICS_FILE, Architecture
from vitrail.corpus import Corpus, build_corpus, open_corpus
from vitrail.corpus.reader.image_reader import Batch

WARMUP_STEPS = 3
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
    batch_size = options.batch_size
    workload = Workload(architecture=ARCHITECTURE, image_size=64, num_labels=1000, batch_size=batch_size)
    turns = Turns(workload)
    train(workload, turns.batches, work=folder / "turns", num_steps=options.steps + WARMUP_STEPS)
    trainer_s = statistics.median(turns.trainer_s[WARMUP_STEPS:])
    peer_s = statistics.median(turns.peer_s[WARMUP_STEPS:])
    pairs = list(zip(turns.peer_s, turns.trainer_s, strict=False))[WARMUP_STEPS:]
    ratio = statistics.median(peer / own for peer, own in pairs)
    print(f"peer     {batch_size / peer_s:8.1f} images/s")
    cpu_ratio = statistics.median(turns.cpu_ratios[WARMUP_STEPS:])
    print(
        f"trainer  {batch_size / trainer_s:8.1f} images/s, {ratio:.3f} of the peer (goal 0.98), "
        f"{cpu_ratio:.3f} by CPU time"
    )
    alone, fed, wait = measure_reader(folder, options, workload, corpus)
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


def measure_reader(
    folder: Path, options: argparse.Namespace, workload: Workload, corpus: Corpus
) -> tuple[list[float], list[float], float]:
    """Rates by round of the trainer on tensors and fed by the reader, and the share of time the latter waited."""
    batch = random_batch(workload)
    stream = iter(open_reader(workload, corpus, options.workers))
    alone, fed, waits = [], [], []
    for number in range(options.rounds):
        lines = log_of(workload, lambda: itertools.repeat(batch), folder / f"alone-{number}", options.steps)
        alone.append(statistics.median(line["images_per_s"] for line in lines))
        lines = log_of(workload, lambda: stream, folder / f"fed-{number}", options.steps)
        fed.append(statistics.median(line["images_per_s"] for line in lines))
        waits += [line["data_wait_share"] for line in lines]
    return alone, fed, statistics.fmean(waits)


def log_of(workload: Workload, batches: Callable[[], Iterator[Batch]], work: Path, num_steps: int) -> list[dict]:
    """What a training logs after its first steps."""
    train(workload, batches, work=work, num_steps=num_steps + WARMUP_STEPS, log_every_steps=1)
    return [json.loads(line) for line in (work / METRICS_FILE).read_text().splitlines()][WARMUP_STEPS:]


class Turns:
    """Hands a batch to the trainer, and takes a step of the peer whenever the trainer asks for the next."""

    def __init__(self, workload: Workload) -> None:
        self.trainer_s: list[float] = []
        self.peer_s: list[float] = []
        self.cpu_ratios: list[float] = []  # peer over trainer in CPU time, which other programs do not slow down
        self._batch = random_batch(workload)
        self._peer = Peer(workload)

    def batches(self) -> Iterator[Batch]:
        """The trainer's micro-batches, timed between two of its requests."""
        while True:
            begin, begin_cpu = time.perf_counter(), time.process_time()
            yield self._batch
            middle, middle_cpu = time.perf_counter(), time.process_time()
            self._peer.step(self._batch.images, self._batch.targets[TASK], self._batch.targets[f"{TASK}/weights"])
            self.trainer_s.append(middle - begin)
            self.peer_s.append(time.perf_counter() - middle)
            self.cpu_ratios.append((time.process_time() - middle_cpu) / (middle_cpu - begin_cpu))


if __name__ == "__main__":
    main()
