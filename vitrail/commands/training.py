"""`vitrail plan`: what a pretraining will take; `vitrail job`: the file with which any launcher runs it."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

__all__ = ["add_job", "add_plan"]


def add_plan(commands: Any) -> None:
    """Registers `vitrail plan`."""
    plan = commands.add_parser("plan", help="Predict steps, hours, bytes and sizes of a pretraining before it runs.")
    plan.add_argument("--recipe", default="vit_b16_1b")
    plan.add_argument("--hardware", choices=("a100", "h100", "cpu"), default="a100")
    plan.add_argument("--corpus", type=Path, help="measure this corpus instead of taking the sizes below")
    plan.add_argument("--labels", type=Path, help="label set of --corpus, when it has been derived")
    plan.add_argument("--images", type=int, default=1_300_000_000, help="training images")
    plan.add_argument("--bytes-per-image", type=float, default=60_000, help="mean size of an encoded image")
    plan.add_argument("--num-labels", type=int, default=20_000, help="labels of the vocabulary")
    plan.set_defaults(function=_plan)


def add_job(commands: Any) -> None:
    """Registers `vitrail job`."""
    job = commands.add_parser("job", help="Write a pretraining's job file, for torchrun or a scheduler of your own.")
    job.add_argument("--recipe", default="emoji")
    job.add_argument("--corpus", type=Path, required=True)
    job.add_argument("--labels", type=Path, required=True, help="label set folder")
    job.add_argument("--out", type=Path, required=True, help="work folder: job file, checkpoints, result")
    job.add_argument(
        "--blend",
        nargs=3,
        action="append",
        default=[],
        metavar=("CORPUS", "LABELS", "WEIGHT"),
        help="read this corpus too, WEIGHT images for each of --corpus; labels derived with --previous",
    )
    job.add_argument("--profile-steps", type=int, help="steps to profile into trace.json; default: the recipe's")
    job.set_defaults(function=_job)


def _plan(options: argparse.Namespace) -> None:
    from vitrail.config import require
    from vitrail.contracts.codec import encode
    from vitrail.recipes import find_recipe
    from vitrail.training import HARDWARE, CorpusNumbers, measure_corpus, plan_training

    is_measured = options.corpus is not None
    require(is_measured or options.labels is None, "--labels", str(options.labels), "name its --corpus too")
    recipe = find_recipe(options.recipe)
    numbers = CorpusNumbers(
        num_images=options.images,
        bytes_per_image=options.bytes_per_image,
        num_labels=options.num_labels,
        labels_per_image=recipe.labels.top_k,
    )
    if is_measured:
        numbers = measure_corpus(options.corpus, options.labels, numbers)
    print(json.dumps(encode(plan_training(recipe.pretrain, numbers, HARDWARE[options.hardware])), indent=2))


def _job(options: argparse.Namespace) -> None:
    from vitrail.contracts.codec import save
    from vitrail.contracts.lineage import Lineage
    from vitrail.recipes import find_recipe
    from vitrail.steps import new_run_id
    from vitrail.training import pretrain_job
    from vitrail.training.job import JOB_FILE, BlendedCorpus

    config = find_recipe(options.recipe).pretrain
    if options.profile_steps is not None:
        config = dataclasses.replace(config, profile_steps=options.profile_steps)
    lineage = Lineage(run_id=new_run_id())
    blend = [BlendedCorpus(corpus=one[0], labels=one[1], weight=_weight_of(one[2])) for one in options.blend]
    job = pretrain_job(corpus=options.corpus, labels=options.labels, config=config, lineage=lineage, blend=blend)
    options.out.mkdir(parents=True, exist_ok=True)
    save(options.out / JOB_FILE, job)
    print(
        f"torchrun --nproc-per-node {config.launch.num_processes} -m vitrail.training.worker {options.out / JOB_FILE}"
    )


def _weight_of(text: str) -> float:
    from vitrail.errors import ConfigError

    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"--blend: weight {text!r} is not a number; give a share such as 0.5") from error
