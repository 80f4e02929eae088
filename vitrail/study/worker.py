"""A process that trains and measures what it is told: `python -m vitrail.study.worker --launcher PID`.

An order is a line of JSON; it answers each with a line: empty when it was done, else why not. When the launcher is
gone, a training writes a checkpoint and the worker ends.
"""

import argparse
import json
import logging
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from vitrail.config.logs import configure_logging
from vitrail.contracts.codec import decode
from vitrail.errors import VitrailError
from vitrail.evaluation import evaluate_model
from vitrail.study.orders import Measuring, Order, Training, model_folder, work_folder
from vitrail.training.in_process import train_here

__all__ = ["main"]


def main() -> None:
    """Answers orders until there are no more."""
    parser = argparse.ArgumentParser(prog="python -m vitrail.study.worker", description=__doc__)
    parser.add_argument("--launcher", type=int, required=True, help="the process that gives the orders")
    launcher = parser.parse_args().launcher
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else prints here must not be taken for an answer
    configure_logging()
    for line in sys.stdin:
        print(json.dumps(_answer(line, launcher)), file=answers, flush=True)


def _answer(line: str, launcher: int) -> str:
    try:
        order = decode(Order, json.loads(line), "order")
        if order.training:
            _train(order.training, launcher)
        if order.measuring:
            _measure(order.measuring)
    except (VitrailError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        return f"{type(error).__name__}: {error}"
    return ""


def _train(order: Training, launcher: int) -> None:
    folder = Path(order.folder)
    train_here(order.job, work_folder(folder), model_folder(folder), launcher=launcher)
    shutil.rmtree(work_folder(folder))


def _measure(order: Measuring) -> None:
    folder = Path(order.folder)
    evaluate_model(
        corpus=Path(order.corpus),
        model=model_folder(folder),
        features=None,
        out=folder / order.split,
        config=replace(order.evaluation, device=_device()),
        split=order.split,
    )


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    main()
