"""The image reader against a webdataset pipeline and against bare decoding, and the cost of a resume.

    make bench-reader

Same tars, same cores, same number of processes, rounds taken in turn in one run:

    limit        decode + augment of bytes that are already in memory, nothing else
    reader       this project's reader, with targets, digests checked, exact order
    wds          webdataset as its users write it: Pillow, torchvision's transforms of the same distribution
    wds-ours     webdataset around this project's decode and batched augmentation: only the reading differs

All four give the same output: uint8 batches of squares, padded with white, cropped, mirrored and recoloured by
the same distribution. Workloads: `photo`, JPEG of 640 x 480 to 224 pixels; `large`, JPEG of 1280 x 960 to 224;
`icon`, transparent PNG of 72 x 72 to 64 (the emoji corpora). The JPEGs are cut from scikit-learn's two photographs.
"""

import argparse
import functools
import io
import itertools
import json
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path

import numpy as np
import torch
import webdataset as wds
from PIL import Image
from sklearn.datasets import load_sample_images
from torchvision.transforms import v2

from vitrail.contracts.codec import write
from vitrail.contracts.corpus import INDEX_SCHEMA, SHARDS_FOLDER, CorpusManifest, ShardInfo, index_file, tar_file
from vitrail.contracts.models import Transforms
from vitrail.corpus import build_corpus
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.pixels.augment import Augmentation, Changes, draw_chances
from vitrail.corpus.pixels.prepare import prepare_crop
from vitrail.corpus.reader.image_reader import Reader, Source
from vitrail.corpus.reader.targets import TableTargets
from vitrail.corpus.store.tables import write_table

AUGMENTATION = Augmentation(flip=0.5, crop_scale=(0.35, 1.0), brightness=0.3, contrast=0.3, saturation=0.3)
BATCH = 64
NUM_SHARDS = 4
AHEAD = 2
WORKERS = os.cpu_count() or 1


@dataclass(frozen=True)
class Workload:
    """Pictures of one kind, and the model's input."""

    name: str
    extension: str
    size: tuple[int, int]
    images_per_shard: int
    side: int
    batches: int  # a round

    @property
    def transforms(self) -> Transforms:
        """Of the model."""
        return Transforms(image_size=self.side)


PHOTO = Workload("photo", "jpg", (640, 480), 150, 224, 8)
LARGE = Workload("large", "jpg", (1280, 960), 60, 224, 4)
ICON = Workload("icon", "png", (72, 72), 1000, 64, 30)


def draw_icon(size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """A picture with smooth areas, edges and transparency."""
    coarse = rng.integers(0, 256, (5, 7, 4), dtype=np.uint8)
    image = Image.fromarray(coarse, "RGBA").resize(size, Image.Resampling.BICUBIC)
    for _ in range(12):
        box = [int(rng.integers(0, side)) for side in size]
        image.paste(tuple(rng.integers(0, 256, 4).tolist()), (*box, box[0] + 9, box[1] + 9))
    stream = io.BytesIO()
    image.quantize(64).save(stream, "png")
    return stream.getvalue()


def cut_photograph(size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """A part of a real photograph, as Pillow saves it."""
    photograph = Image.fromarray(photographs()[rng.integers(2)])
    height = int(rng.integers(300, photograph.height + 1))
    width = height * size[0] // size[1]
    left, top = rng.integers(0, photograph.width - width + 1), rng.integers(0, photograph.height - height + 1)
    part = photograph.resize(size, Image.Resampling.LANCZOS, (left, top, left + width, top + height))
    stream = io.BytesIO()
    part.save(stream, "jpeg", quality=85)
    return stream.getvalue()


@functools.cache
def photographs() -> list[np.ndarray]:
    return load_sample_images().images


def write_tars(workload: Workload, folder: Path, num_shards: int = NUM_SHARDS) -> None:
    """Tars as img2dataset writes them."""
    rng = np.random.default_rng(0)
    draw = cut_photograph if workload.extension == "jpg" else draw_icon
    folder.mkdir()
    for shard in range(num_shards):
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
            for image in range(workload.images_per_shard):
                for extension, data in (
                    (workload.extension, draw(workload.size, rng)),
                    ("txt", b"a picture"),
                ):
                    info = tarfile.TarInfo(f"{shard:05d}{image:04d}.{extension}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))


@dataclass(frozen=True)
class Measure:
    """Of one round. Processor time does not suffer from what else the machine does."""

    images_per_s: float
    cpu_us_per_image: float


def settle() -> float:
    """Waits until the queues of all contenders are full, so that none works in another's round; processor time."""
    before = -1.0
    while (now := cpu_seconds()) > before + 0.02:
        before = now
        time.sleep(0.25)
    return now


def cpu_seconds() -> float:
    """User and system time of this process and its living children."""
    ticks = 0
    for child in active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


# The limit: decode and augment, nothing else. ------------------------------------------------------------


def decode_batches(data: list[bytes], transforms: Transforms, num_batches: int) -> None:
    """What the reader does to pixels, over bytes in memory."""
    torch.set_num_threads(1)
    for batch in range(num_batches):
        rows = np.arange(batch * BATCH, (batch + 1) * BATCH) % len(data)
        decode_batch([data[row] for row in rows], rows, transforms)


def decode_batch(data: list[bytes], rows: np.ndarray, transforms: Transforms) -> torch.Tensor:
    side = transforms.image_size
    changes = Changes(AUGMENTATION, draw_chances(0, rows), side)
    images = np.empty((len(data), 3, side, side), dtype=np.uint8)
    for item, encoded in enumerate(data):
        place = (changes.sides[item], changes.lefts[item], changes.tops[item])
        changes.write(item, prepare_crop(encoded, transforms, *place), images[item])
    return torch.from_numpy(images)


def measure_limit(pool: ProcessPoolExecutor, data: list[bytes], workload: Workload) -> Measure:
    """The work of one round, shared by all cores."""
    share = -(-workload.batches // WORKERS)
    cpu, began = settle(), time.perf_counter()
    jobs = [pool.submit(decode_batches, data, workload.transforms, share) for _ in range(WORKERS)]
    for job in jobs:
        job.result()
    num_images = share * WORKERS * BATCH
    return Measure(num_images / (time.perf_counter() - began), (settle() - cpu) / num_images * 1e6)


# The peers. ----------------------------------------------------------------------------------------------


def pad_square(image: Image.Image) -> Image.Image:
    """The image on a white square."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    corner = ((side - image.width) // 2, (side - image.height) // 2)
    square.paste(image, corner, image if image.mode == "RGBA" else None)
    return square


def peer_transform(side: int) -> Callable[[Image.Image], torch.Tensor]:
    """The distribution of AUGMENTATION in torchvision's transforms."""
    crop = v2.RandomResizedCrop(side, AUGMENTATION.crop_scale, (1.0, 1.0), interpolation=v2.InterpolationMode.BICUBIC)
    jitter = v2.ColorJitter(AUGMENTATION.brightness, AUGMENTATION.contrast, AUGMENTATION.saturation)
    return v2.Compose([pad_square, crop, v2.RandomHorizontalFlip(AUGMENTATION.flip), jitter, v2.PILToTensor()])


def web_dataset(tars: Path) -> wds.WebDataset:
    urls = sorted(str(tar) for tar in tars.glob("*.tar"))
    return wds.WebDataset(urls, shardshuffle=NUM_SHARDS, seed=0).repeat().shuffle(1000, initial=100)


def peer_batches(tars: Path, workload: Workload) -> Iterator[object]:
    """Webdataset as its users write it."""
    mode = "pilrgb" if workload.extension == "jpg" else "pilrgba"
    pipeline = web_dataset(tars).decode(mode).to_tuple(workload.extension, "__key__")
    pipeline = pipeline.map_tuple(peer_transform(workload.side), str)
    batched = pipeline.batched(BATCH, collation_fn=stack)
    return iter(wds.WebLoader(batched, batch_size=None, num_workers=WORKERS, prefetch_factor=AHEAD))


def stack(items: list[tuple[torch.Tensor, str]]) -> tuple[torch.Tensor, list[str]]:
    return torch.stack([image for image, _ in items]), [key for _, key in items]


def peer_batches_with_our_pixels(tars: Path, workload: Workload) -> Iterator[object]:
    """Webdataset around this project's decode and augmentation."""
    counter = itertools.count()

    def decode(items: list[tuple[bytes, str]]) -> tuple[torch.Tensor, list[str]]:
        rows = np.array([next(counter) for _ in items])
        return decode_batch([data for data, _ in items], rows, workload.transforms), [key for _, key in items]

    pipeline = web_dataset(tars).to_tuple(workload.extension, "__key__").batched(BATCH, collation_fn=decode)
    return iter(wds.WebLoader(pipeline, batch_size=None, num_workers=WORKERS, prefetch_factor=AHEAD))


def reader_batches(corpus: Corpus, workload: Workload) -> Iterator[object]:
    """This project's reader, with a task to join."""
    ids = corpus.index()["image_id"].to_pylist()
    targets = TableTargets("parity", ids, ["01"[row % 2] for row in range(len(ids))], "01")
    reader = Reader(
        [Source(corpus=corpus, targets=[targets])],
        transforms=workload.transforms,
        augmentation=AUGMENTATION,
        batch_size=BATCH,
        num_workers=WORKERS,
    )
    return iter(reader)


def measure_batches(batches: Iterator[object], num_batches: int) -> Measure:
    """One round. As many batches as lay ready when it began are taken too, and not counted in the rate."""
    num_ready = AHEAD * WORKERS
    cpu, began = settle(), time.perf_counter()
    for _ in range(num_ready + num_batches):
        next(batches)
    seconds = time.perf_counter() - began
    cpu_per_batch = (settle() - cpu) / (num_ready + num_batches)
    return Measure(num_batches * BATCH / seconds, cpu_per_batch / BATCH * 1e6)


def compare(workload: Workload, folder: Path, num_rounds: int) -> dict[str, float]:
    """Median rates and ratios over rounds."""
    tars = folder / f"{workload.name}-tars"
    write_tars(workload, tars)
    build_corpus(str(tars), folder / workload.name)
    corpus = open_corpus(folder / workload.name)
    data = corpus.read_bytes(corpus.index()["image_id"].to_pylist()[: 4 * BATCH])
    contenders = {
        "reader": reader_batches(corpus, workload),
        "wds": peer_batches(tars, workload),
        "wds-ours": peer_batches_with_our_pixels(tars, workload),
    }
    rounds: dict[str, list[Measure]] = {name: [] for name in ("limit", *contenders)}
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        for _ in range(num_rounds):
            rounds["limit"].append(measure_limit(pool, data, workload))
            for name, batches in contenders.items():
                rounds[name].append(measure_batches(batches, workload.batches))
    contenders.clear()
    return summarise(workload, rounds, statistics.mean(map(len, data)))


def summarise(workload: Workload, rounds: dict[str, list[Measure]], mean_bytes: float) -> dict[str, float]:
    size = f"{workload.size} {workload.extension} of {mean_bytes:,.0f} bytes"
    print(f"\n{workload.name}: {size} to {workload.side} px")
    for name, measures in rounds.items():
        rates = [measure.images_per_s for measure in measures]
        cpu = statistics.median(measure.cpu_us_per_image for measure in measures)
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        to_limit = speed_ratio(measures, rounds["limit"])
        print(
            f"  {name:9s}{statistics.median(rates):8,.0f} images/s ({spread}), {to_limit:.2f} of the limit, ",
            end="",
        )
        print(f"{cpu:,.0f} us of processor time an image")
    ours = rounds["reader"]
    return {
        "value": round(statistics.median(measure.images_per_s for measure in ours), 1),
        "ratio_to_peer": speed_ratio(ours, rounds["wds"]),
        "ratio_to_peer_with_our_pixels": speed_ratio(ours, rounds["wds-ours"]),
        "ratio_to_limit": speed_ratio(ours, rounds["limit"]),
        "cpu_ratio_to_peer": cpu_ratio(ours, rounds["wds"]),
        "cpu_ratio_to_peer_with_our_pixels": cpu_ratio(ours, rounds["wds-ours"]),
        "cpu_ratio_to_limit": cpu_ratio(ours, rounds["limit"]),
    }


def speed_ratio(ours: list[Measure], theirs: list[Measure]) -> float:
    """Median over rounds of our speed over theirs in the same round."""
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(our.images_per_s / their.images_per_s for our, their in pairs), 3)


def cpu_ratio(ours: list[Measure], theirs: list[Measure]) -> float:
    """Median over rounds of their processor time an image over ours."""
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(their.cpu_us_per_image / our.cpu_us_per_image for our, their in pairs), 3)


# The cost of a resume. -----------------------------------------------------------------------------------


def write_million(corpus: Corpus, folder: Path, num_shards: int = 100, rows_per_shard: int = 10_000) -> Corpus:
    """A corpus of a million images: links to one tar, whose images are indexed again and again."""
    first = corpus.manifest.shards[0]
    index = corpus.shard_index(first.name).select(INDEX_SCHEMA.names)
    rows = np.arange(rows_per_shard) % len(index)
    shards = []
    (folder / SHARDS_FOLDER).mkdir(parents=True)
    for shard in range(num_shards):
        name = f"{shard:05d}"
        os.link(corpus.shard_path(first.name), folder / tar_file(name))
        ids = [f"{name}-{row:05d}" for row in range(rows_per_shard)]
        table = index.take(rows).set_column(0, "image_id", [ids])
        write_table(folder / index_file(name), table, INDEX_SCHEMA)
        shards.append(ShardInfo(name=name, num_images=rows_per_shard, size=first.size, digest=first.digest))
    manifest = CorpusManifest(
        name="million",
        title="A million images",
        description="One tar, linked",
        licences=("CC0-1.0",),
        shards=tuple(shards),
        tasks=(),
        num_images=num_shards * rows_per_shard,
        num_signals=0,
        num_quarantined=0,
        digest="0" * 64,
    )
    write(folder, manifest)
    return open_corpus(folder)


def measure_resume(folder: Path) -> dict[str, float]:
    """Seconds from a position to the first batch, median of five fresh readers, each in this process."""
    corpus = write_million(open_corpus(folder / ICON.name), folder / "million")
    places = {"start": 0, "middle": 500_000, "end": 1_000_000 - BATCH}
    seconds: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(5):
        for name, position in places.items():
            began = time.perf_counter()
            reader = Reader(
                [Source(corpus=corpus)],
                transforms=ICON.transforms,
                augmentation=AUGMENTATION,
                batch_size=BATCH,
                position=position,
            )
            next(iter(reader))
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print("\nfirst batch after a resume, 1,000,000 images an epoch")
    for name, value in medians.items():
        print(f"  {name:9s} {value * 1000:8.0f} ms")
    return {f"resume_{name}_s": round(value, 4) for name, value in medians.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        icon = compare(ICON, folder, options.rounds)
        photo = compare(PHOTO, folder, options.rounds)
        large = compare(LARGE, folder, options.rounds)
        resume = measure_resume(folder)
    print("\ngoals: >= 2 of webdataset, >= 0.85 of the limit, first batch independent of the position")
    result = {"name": "reader", "unit": "images/s", "workload": "photo", "workers": WORKERS, **photo}
    print(json.dumps({**result, "large": large, "icon": icon, **resume}))


if __name__ == "__main__":
    main()
