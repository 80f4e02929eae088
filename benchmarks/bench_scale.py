"""What every step costs as a corpus grows: CPU seconds, peak memory, and how both grow with the images.

    make bench-scale
    make bench-scale OPTIONS='--sizes 5000 50000 500000'

Images by template: JPEG of 64 pixels with unique bytes and a text of three words each, in 20 folders, or the same
in tars of 1,000. Each step runs in a process of its own, so that its peak is its own; that of its largest worker
is named beside it. `bare` reads and decodes the same files with Pillow and does nothing else: `of_bare` is the
share of its rate that a step reaches on as many cores, in CPU seconds. What comes after intake works on the tars; of
training only its opening is measured, and the model is a small one of random weights. Fitted are the power with which
seconds grow (1 is linear), and what each further image adds to seconds and peak, between the smallest and the largest
size. Prints one JSON object.
"""

import argparse
import io
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vitrail import evaluation, labels, models, training, validation  # each loads what it needs when it is asked
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import build_corpus, check_corpus, open_corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.corpus.store.tar_writing import write_tar
from vitrail.recipes import find_recipe

SIZES = (5_000, 50_000)
NUM_CLASSES = 20
TAR_IMAGES = 1000
SIDE = 64
MB = 2**20
ARCHITECTURE = Architecture(name="levit_128s")
TRANSFORMS = Transforms(image_size=SIDE)
LINEAGE = Lineage(run_id="benchmark")


def bare(work: Path) -> None:
    """Reads and decodes every file."""
    for path in sorted((work / "folder").rglob("*.jpg")):
        Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def derive(work: Path) -> None:
    """The label set of the tars."""
    labels.derive_labels(work / "of-tars", work / "labels", labels.LabelsConfig())


def validate(work: Path) -> None:
    """Expectations, profile and Data Docs."""
    config = validation.ValidationConfig()
    validation.validate_data(work / "of-tars", work / "labels", work / "validation", config)


def materialize_features(work: Path) -> None:
    """Text features, then offline and online store and training sets."""
    from components.materialize_features.store import materialize

    labels.build_text_features(work / "of-tars", work / "labels", work / "text")
    materialize(work / "text", work / "of-tars", work / "features")


def open_finetuning(work: Path) -> None:
    """What fine-tuning does before its first step."""
    from vitrail.training.finetuning import assign_finetuning

    job = training.finetune_job(
        corpus=work / "of-tars",
        labels=work / "labels",
        features=work / "features",
        backbone=None,
        config=replace(find_recipe("debug").finetune, architecture=ARCHITECTURE, transforms=TRANSFORMS),
        lineage=LINEAGE,
    )
    assign_finetuning(job)


def make_model(work: Path) -> None:
    """A small model for the corpus, untrained."""
    heads = [
        HeadSpec(name=task.name, kind=task.kind, dim=len(task.classes), classes=task.classes, activation="softmax")
        for task in open_corpus(work / "of-tars").manifest.tasks
    ]
    heads.append(HeadSpec(name="embedding", kind="retrieval", dim=256))
    models.save_model(work / "model", models.VitrailModel(ARCHITECTURE, TRANSFORMS, heads), LINEAGE)


def index(work: Path) -> None:
    """Embeds all images."""
    config = evaluation.IndexConfig()
    evaluation.build_index(corpus=work / "of-tars", model=work / "model", out=work / "gallery", config=config)


def evaluate(work: Path) -> None:
    """Measures the test split."""
    evaluation.evaluate_model(
        corpus=work / "of-tars",
        model=work / "model",
        features=work / "features",
        out=work / "evaluation",
        config=evaluation.EvaluationConfig(),
    )


# Each takes the folder of one size; later ones use what earlier ones made.
STEPS: dict[str, Callable[[Path], Any]] = {
    "bare": bare,
    "build_folder": lambda work: build_corpus(str(work / "folder"), work / "of-folder"),
    "build_folder_trusted": lambda work: build_corpus(str(work / "folder"), work / "trusted", is_trusted=True),
    "build_tars": lambda work: build_corpus(str(work / "tars"), work / "of-tars"),
    "check": lambda work: check_corpus(work / "of-tars"),
    "choose_training_rows": lambda work: train_rows(open_corpus(work / "of-tars"), drop_evaluation_copies=True),
    "derive_labels": derive,
    "validate_data": validate,
    "materialize_features": materialize_features,
    "open_finetuning": open_finetuning,
    "make_model": make_model,
    "build_index": index,
    "evaluate_model": evaluate,
}


def make_images(num_images: int) -> Iterator[tuple[str, bytes, str]]:
    """(name, JPEG, text) of each; the pictures are smooth, the same for the same number."""
    rng = np.random.default_rng(0)
    for number in range(num_images):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        stream = io.BytesIO()
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=85)
        words = f"word{number % 997} thing{number % 89} kind{number % NUM_CLASSES}"
        yield f"{number:07d}", stream.getvalue(), words


def write_sources(work: Path, num_images: int) -> None:
    """The same images as a folder of classes and as tars."""
    (work / "tars").mkdir(parents=True)
    members: list[tuple[str, bytes]] = []
    for number, (name, data, text) in enumerate(make_images(num_images)):
        folder = work / "folder" / f"class{number % NUM_CLASSES:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jpg").write_bytes(data)
        record = json.dumps({"caption": text, "label": folder.name})
        members += [(f"{name}.jpg", data), (f"{name}.json", record.encode())]
        if number % TAR_IMAGES == TAR_IMAGES - 1 or number == num_images - 1:
            write_tar(work / "tars" / f"{number // TAR_IMAGES:05d}.tar", members)
            members.clear()


def measure_here(step: str, work: Path) -> dict[str, float]:
    """CPU seconds of this process and its workers, wall seconds, peak MB of this process and of its largest worker."""
    before, began = _cpu_seconds(), time.perf_counter()
    STEPS[step](work)
    return {
        "cpu_s": round(_cpu_seconds() - before, 3),
        "wall_s": round(time.perf_counter() - began, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MB),
        "worker_peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MB),
    }


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measure(step: str, work: Path) -> dict[str, float]:
    """As `measure_here`, in a process of its own."""
    command = [sys.executable, __file__, "--step", step, "--work", str(work)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def fit(costs: dict[int, dict[str, float]]) -> dict[str, float]:
    """Growth between the smallest and the largest size."""
    small, large = min(costs), max(costs)
    power = math.log(costs[large]["cpu_s"] / costs[small]["cpu_s"]) / math.log(large / small)
    added = (costs[large]["peak_mb"] - costs[small]["peak_mb"]) * MB / (large - small)
    milliseconds = 1000 * (costs[large]["cpu_s"] - costs[small]["cpu_s"]) / (large - small)
    return {"power": round(power, 2), "cpu_ms_per_image": round(milliseconds, 3), "bytes_per_image": round(added)}


def run(sizes: list[int]) -> dict[str, Any]:
    """All steps at all sizes."""
    costs: dict[str, dict[int, dict[str, float]]] = {step: {} for step in STEPS}
    for size in sizes:
        work = Path(tempfile.mkdtemp(prefix="bench-scale-"))
        try:
            write_sources(work, size)
            for step in STEPS:
                costs[step][size] = measure(step, work)
                costs[step][size]["of_bare"] = round(costs["bare"][size]["cpu_s"] / costs[step][size]["cpu_s"], 3)
                print(f"{size:,} images, {step}: {costs[step][size]}", file=sys.stderr)
        finally:
            shutil.rmtree(work)
    growth = {step: fit(by_size) for step, by_size in costs.items()} if len(sizes) > 1 else {}
    return {"steps": costs, "growth": growth}


def main() -> None:
    """Parses the command line and prints the result."""
    parser = argparse.ArgumentParser(description="What the steps of intake cost as a corpus grows.")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="numbers of images")
    parser.add_argument("--step", choices=STEPS, help="measure one step in this process, in the folder --work")
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    found = measure_here(options.step, options.work) if options.step else run(options.sizes)
    print(json.dumps(found, indent=None if options.step else 2))


if __name__ == "__main__":
    main()
