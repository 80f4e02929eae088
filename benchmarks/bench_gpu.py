"""The training step on one GPU against a bare timm loop and against the card's matrix rate, eager, compiled and fed.

    make bench-gpu          (at most 4 minutes; without a GPU, or with --tiny, a small model on the CPU in seconds)

Each contender takes turns with a bare loop (`training_steps.Peer`) of the same model, batch, loss and precision: a few
steps of it, a few of the loop, each until the device is through. Ratios are medians over rounds of one run, so that
what the machine does besides meets both. The rows that are fed (JPEGs of 640 x 480 in tars) are set beside the same
step on tensors through that loop; what lay ready when their turn began is taken first and not counted.

    share       of the rate of a bf16 matrix product of 8192 x 8192, measured in the same run
    recompiled  graphs traced after the first steps
"""

import argparse
import functools
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import torch
import torch._dynamo.utils
import torch.distributed as dist
import webdataset as wds
from torch import Tensor

import bench_reader
from training_steps import TASK, Peer, Workload, open_reader, random_batch, train
from vitrail.contracts.models import Architecture
from vitrail.corpus import build_corpus, open_corpus
from vitrail.corpus.reader.image_reader import Batch
from vitrail.training import ComputeConfig
from vitrail.training.planning import flops_per_image

WARMUP_STEPS = 5
AHEAD = 2  # batches that each decoding process may have ready


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is measured.

    Attributes:
        steps: Of a turn.
        rounds: Turns of each.
        matrix: Rows and columns of the product that the card's rate is measured by.
        compiler: Of `torch.compile`.
    """

    workload: Workload
    steps: int
    rounds: int
    num_workers: int
    num_shards: int
    images_per_shard: int
    matrix: int
    compiler: str


def full_size() -> Size:
    """ViT-B/16 on a GPU."""
    workload = Workload(
        architecture=Architecture(name="vit_base_patch16_224"),
        image_size=224,
        num_labels=10_000,
        batch_size=256,
        device=torch.device("cuda", 0),
        precision="bf16",
    )
    num_workers = max((os.cpu_count() or 1) - 2, 1)
    return Size(
        workload=workload,
        steps=10,
        rounds=5,
        num_workers=num_workers,
        num_shards=max(num_workers, 4),  # webdataset gives whole tars to its workers
        images_per_shard=50,
        matrix=8192,
        compiler="inductor",
    )


def tiny_size() -> Size:
    """A few seconds on a CPU: says that the benchmark works, and nothing about speed."""
    options = {"patch_size": 8, "depth": 2, "embed_dim": 24, "num_heads": 2}
    architecture = Architecture(name="vit_tiny_patch16_224", options=options)
    workload = Workload(architecture=architecture, image_size=32, num_labels=100, batch_size=8)
    return Size(
        workload=workload,
        steps=2,
        rounds=2,
        num_workers=1,
        num_shards=2,
        images_per_shard=8,
        matrix=256,
        compiler="aot_eager",  # the tracer alone: the C++ compiler takes half a minute
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one contender did.

    Attributes:
        bare_images_per_s: Of the bare loop that it took turns with.
        ratio: To that loop.
        ratio_to_tensors: Of a fed contender, to the same step on tensors.
        share: Of the measured matrix rate.
        memory_gb: Peak of its own turns without what lay on the device before it came; None on a CPU.
        recompiled: None where nothing is compiled.
    """

    name: str
    images_per_s: float
    bare_images_per_s: float
    ratio: float
    goal: float | None
    ratio_to_tensors: float | None
    share: float
    memory_gb: float | None
    recompiled: int | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="a small model on the CPU, as without a GPU")
    options = parser.parse_args()
    is_tiny = options.tiny or not torch.cuda.is_available()
    size = tiny_size() if is_tiny else full_size()
    torch.set_float32_matmul_precision("high")  # for both sides, as the worker does
    began = time.perf_counter()
    dist.init_process_group("gloo" if is_tiny else "cpu:gloo,cuda:nccl", store=dist.HashStore(), rank=0, world_size=1)
    compile_with = functools.partial(torch.compile, backend=size.compiler)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(torch, "compile", compile_with):
        result = Comparison(size, Path(folder)).run()
    dist.destroy_process_group()
    print(json.dumps({**result, "seconds": round(time.perf_counter() - began, 1)}))


class Comparison:
    """All rows, one after the other; the two bare loops stay for the whole run."""

    def __init__(self, size: Size, folder: Path) -> None:
        self._size = size
        self._folder = folder
        self._device = size.workload.device
        self._batch = random_batch(size.workload)
        with torch.device("meta"):
            model = size.workload.model()
        self._flops = flops_per_image(model, num_passes=3)
        self._rows: list[Row] = []

    def run(self) -> dict[str, object]:
        """Measures and prints; the last line is for machines."""
        size, workload = self._size, self._size.workload
        self._matrix_rate = matrix_rate(self._device, size.matrix)
        card = torch.cuda.get_device_name() if self._device.type == "cuda" else "CPU"
        print(
            f"{workload.architecture.name} at {workload.image_size} px, {workload.num_labels:,} labels, batch "
            f"{workload.batch_size}, {workload.precision}, {card}: {self._matrix_rate / 1e12:.1f} TFLOP/s in products"
        )
        eager, tensors = Peer(workload), functools.partial(itertools.repeat, self._batch)
        self._measure("eager", eager, tensors, ComputeConfig(precision=workload.precision), goal=0.98)
        del eager
        bare = Peer(workload, is_compiled=True)
        compiled = ComputeConfig(precision=workload.precision, compile=True)
        on_tensors = self._measure("compiled", bare, tensors, compiled, goal=0.98)
        sharded = ComputeConfig(precision=workload.precision, compile=True, strategy="fsdp2")
        self._measure("compiled, fsdp2", bare, tensors, sharded, goal=0.95)
        photos = bench_reader.Workload("photo", "jpg", (640, 480), size.images_per_shard, workload.image_size, 0)
        bench_reader.write_tars(photos, self._folder / "tars", size.num_shards)
        build_corpus(str(self._folder / "tars"), self._folder / "corpus")
        reader = open_reader(workload, open_corpus(self._folder / "corpus"), size.num_workers)
        self._measure("compiled, reader", bare, lambda: iter(reader), compiled, goal=0.98, beside=on_tensors)
        self._measure_webdataset(bare, on_tensors)
        return {
            "name": "gpu",
            "card": card,
            "unit": "images/s",
            "matrix_tflops": round(self._matrix_rate / 1e12, 1),
            "num_workers": size.num_workers,
            "rows": [asdict(row) for row in self._rows],
        }

    def _measure(
        self,
        name: str,
        bare: Peer,
        batches: Callable[[], Iterator[Batch]],
        compute: ComputeConfig,
        *,
        goal: float,
        beside: Row | None = None,
    ) -> Row:
        turns = Turns(self._size, self._bare_step(bare), num_ready=self._num_ready if beside else 0)
        resident = allocated_bytes(self._device)
        work = self._folder / name.replace(", ", "-")
        num_steps = turns.num_steps
        train(
            self._size.workload,
            lambda: turns.between(batches()),
            work=work,
            num_steps=num_steps,
            compute=compute,
            log_every_steps=num_steps,
        )
        recompiled = turns.num_graphs[-1] - turns.num_graphs[0] if compute.compile else None
        return self._report(name, turns, resident, goal=goal, beside=beside, recompiled=recompiled)

    def _measure_webdataset(self, bare: Peer, on_tensors: Row) -> None:
        """The bare loop, fed by webdataset as its users write it."""
        stream = webdataset_images(self._folder / "tars", self._size)
        turns = Turns(self._size, self._bare_step(bare), num_ready=self._num_ready)
        _, labels, weights = self._tensors
        for images in turns.between(itertools.islice(stream, turns.num_steps)):
            bare.step(images, labels, weights)
        self._report("bare, webdataset", turns, 0, goal=None, beside=on_tensors, recompiled=None)

    @property
    def _num_ready(self) -> int:
        return AHEAD * self._size.num_workers

    @property
    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        targets = self._batch.targets
        return self._batch.images, targets[TASK], targets[f"{TASK}/weights"]

    def _bare_step(self, bare: Peer) -> Callable[[], object]:
        return lambda: bare.step(*self._tensors)

    def _report(
        self,
        name: str,
        turns: "Turns",
        resident: int,
        *,
        goal: float | None,
        beside: Row | None,
        recompiled: int | None,
    ) -> Row:
        num_images = self._size.steps * self._size.workload.batch_size
        own, bare = (num_images / statistics.median(times) for times in (turns.own_s, turns.bare_s))
        ratio = statistics.median(bare_s / own_s for bare_s, own_s in zip(turns.bare_s, turns.own_s, strict=True))
        row = Row(
            name=name,
            images_per_s=round(own, 1),
            bare_images_per_s=round(bare, 1),
            ratio=round(ratio, 4),
            goal=goal,
            ratio_to_tensors=round(ratio / beside.ratio, 4) if beside else None,
            share=round(own * self._flops / self._matrix_rate, 4),
            memory_gb=round((turns.peak_bytes - resident) / 1e9, 2) if self._device.type == "cuda" else None,
            recompiled=recompiled,
        )
        self._rows.append(row)
        self._print(row)
        return row

    def _print(self, row: Row) -> None:
        found = f"  {row.name:18s}{row.images_per_s:9,.0f} images/s, {row.ratio:.3f} of the bare loop"
        if row.ratio_to_tensors is not None:
            found += f", {row.ratio_to_tensors:.3f} of tensors"
        if row.goal is not None:
            found += f" (goal {row.goal})"
        found += f", {row.share:.3f} of the matrix rate"
        if row.memory_gb is not None:
            found += f", {row.memory_gb} GB"
        if row.recompiled is not None:
            found += f", recompiled {row.recompiled}"
        print(found, flush=True)


class Turns:
    """Times a contender between two of its requests for data, and a bare loop while it waits for an answer.

    Attributes:
        own_s: Seconds of `steps` steps of the contender, by round.
        bare_s: Of the bare loop.
        num_graphs: That were traced so far, when each round began and at the end.
        peak_bytes: On a GPU, during the contender's turns.
    """

    def __init__(self, size: Size, bare_step: Callable[[], object], num_ready: int) -> None:
        self._size = size
        self._bare_step = bare_step
        self._num_ready = num_ready
        self.own_s: list[float] = []
        self.bare_s: list[float] = []
        self.num_graphs: list[int] = []
        self.peak_bytes = 0
        for _ in range(WARMUP_STEPS):
            bare_step()

    @property
    def num_steps(self) -> int:
        """Steps that the contender takes: the first ones, then its rounds, then one that is not looked at."""
        return WARMUP_STEPS + self._size.rounds * (self._num_ready + self._size.steps) + 1

    def between(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, one at a time, and the turns of the bare loop between some of them."""
        yield from itertools.islice(batches, WARMUP_STEPS)
        for _ in range(self._size.rounds):
            self.num_graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
            self.bare_s.append(self._time_bare())
            yield from itertools.islice(batches, self._num_ready)
            began = self._now()
            self._forget_peak()
            yield from itertools.islice(batches, self._size.steps)
            self.own_s.append(self._now() - began)
            self._note_peak()
        self.num_graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
        yield from batches

    def _time_bare(self) -> float:
        began = self._now()
        for _ in range(self._size.steps):
            self._bare_step()
        return self._now() - began

    def _forget_peak(self) -> None:
        if self._size.workload.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def _note_peak(self) -> None:
        if self._size.workload.device.type == "cuda":
            self.peak_bytes = max(self.peak_bytes, torch.cuda.max_memory_allocated())

    def _now(self) -> float:
        """When the device is through with all that was asked of it."""
        if self._size.workload.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def webdataset_images(tars: Path, size: Size) -> Iterator[Tensor]:
    """Batches of images from a pipeline as webdataset's users write it."""
    transform = bench_reader.peer_transform(size.workload.image_size)
    pipeline = bench_reader.web_dataset(tars).decode("pilrgb").to_tuple("jpg").map_tuple(transform)
    batched = pipeline.batched(size.workload.batch_size, collation_fn=stack)
    is_cuda = size.workload.device.type == "cuda"
    loader = wds.WebLoader(
        batched, batch_size=None, num_workers=size.num_workers, prefetch_factor=AHEAD, pin_memory=is_cuda
    )
    return iter(loader)


def allocated_bytes(device: torch.device) -> int:
    return torch.cuda.memory_allocated() if device.type == "cuda" else 0


def stack(items: list[tuple[Tensor]]) -> Tensor:
    return torch.stack([image for (image,) in items])


def matrix_rate(device: torch.device, size: int) -> float:
    """FLOP/s of a bf16 matrix product of random numbers, the best of several."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(13):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        left @ right
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds[3:])


if __name__ == "__main__":
    main()
