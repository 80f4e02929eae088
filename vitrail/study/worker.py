"""A process that trains and measures what it is told, a line of JSON an order: `python -m vitrail.study.worker`.

It answers each order with a line: empty when it was done, else why not. When the process that started it is gone, a
training writes a checkpoint and the worker ends.
"""

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
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else prints here must not be taken for an answer
    configure_logging()
    for line in sys.stdin:
        print(json.dumps(_answer(line)), file=answers, flush=True)


def _answer(line: str) -> str:
    try:
        order = decode(Order, json.loads(line), "order")
        if order.training:
            _train(order.training)
        if order.measuring:
            _measure(order.measuring)
    except (VitrailError, OSError) as error:
        logging.getLogger(__name__).error("%s", error)
        return f"{type(error).__name__}: {error}"
    return ""


def _train(order: Training) -> None:
    folder = Path(order.folder)
    train_here(order.job, work_folder(folder), model_folder(folder))
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
