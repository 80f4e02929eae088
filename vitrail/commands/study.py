"""`vitrail study`: what label recipes, corpora and backbones are worth, arm against arm."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

__all__ = ["add_study"]


def add_study(commands: Any) -> None:
    """Registers `vitrail study`."""
    study = commands.add_parser("study", help="Compare label recipes, corpora and backbones, with paired intervals.")
    study.add_argument(
        "--budget",
        default="half-hour",
        help="half-hour or night (two cores), gpu-10min, or a JSON file with the fields",
    )
    study.add_argument("--out", type=Path, help="folder of the study; default: WORKSPACE/study/BUDGET")
    study.add_argument("--workspace", type=Path, default=Path("runs"), help="where corpora and label sets are kept")
    study.add_argument(
        "--page", type=Path, help="also write the page here, with result and plots in a folder beside it"
    )
    study.add_argument("--jobs", type=int, help="trainings side by side; default: one a core")
    study.add_argument("--recipe", help="what is not a matter of the study: trunk, image size, augmentation")
    study.add_argument("--target", help="corpus to fine-tune and measure on, by name or folder")
    study.add_argument("--corpora", nargs="*", metavar="CORPUS", help="corpora to pretrain on, by name or folder")
    study.add_argument("--labels", nargs="*", metavar="RECIPE", help="label recipes: default, unclustered, frequent")
    study.add_argument(
        "--label-set",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="a label set of one of the corpora, as one more label recipe",
    )
    study.add_argument("--shares", nargs="*", type=float, help="shares of concepts with labels, as in 0.01 0.1 1")
    study.add_argument("--backbones", nargs="*", metavar="NAME", help="vit, cnn")
    study.add_argument("--seeds", type=int, dest="num_seeds")
    study.add_argument("--minutes", type=float, help="after which no training starts")
    study.set_defaults(function=_study)


def _study(options: argparse.Namespace) -> None:
    from vitrail.config import require
    from vitrail.study import find_budget, run_study, write_page

    named = ("recipe", "target", "corpora", "labels", "shares", "backbones", "num_seeds", "minutes")
    given = {name: value for name in named if (value := getattr(options, name)) is not None}
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    config = dataclasses.replace(find_budget(options.budget), **(given | lists))
    require(options.jobs is None or options.jobs >= 1, "--jobs", options.jobs, "give 1 or more")
    out = options.out or options.workspace / "study" / Path(options.budget).stem
    report = run_study(
        config,
        out=out,
        workspace=options.workspace,
        num_jobs=options.jobs,
        label_folders=[_label_folder(text) for text in options.label_set],
    )
    for page in filter(None, (out / "study.md", options.page)):
        write_page(report, page)
        print(page)


def _label_folder(text: str) -> Any:
    from vitrail.config import require
    from vitrail.study import LabelFolder

    name, _, folder = text.partition("=")
    require(bool(name and folder), "--label-set", text, "give NAME=FOLDER")
    return LabelFolder(name=name, folder=Path(folder))
