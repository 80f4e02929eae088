"""What a training took, beside what was planned."""

import json
from pathlib import Path

from vitrail.contracts.models import METRICS_FILE
from vitrail.errors import TrainingError
from vitrail.training.config import PretrainConfig
from vitrail.training.job import list_checkpoints
from vitrail.training.plan import CorpusNumbers, Hardware, Plan, PlanReview, Taken
from vitrail.training.planning import likely_hardware, measure_corpus, plan_training

__all__ = ["compare_plan", "review_pretraining"]


def review_pretraining(corpus: Path, labels: Path, config: PretrainConfig, work: Path) -> PlanReview:
    """Plans a pretraining that has run in `work`, and compares."""
    hardware = likely_hardware(config.compute)
    nothing = CorpusNumbers(num_images=0, bytes_per_image=0, num_labels=0, labels_per_image=0)
    numbers = measure_corpus(corpus, labels, nothing)
    plan = plan_training(config, numbers, hardware)
    return PlanReview(hardware=hardware, numbers=numbers, plan=plan, taken=compare_plan(plan, work, hardware))


def compare_plan(plan: Plan, work: Path, hardware: Hardware) -> Taken:
    """Sets what a run took beside its plan.

    Args:
        plan: Of `plan_training`.
        work: The work folder of the run, with its log and checkpoints.
        hardware: As in the plan.

    Raises:
        TrainingError: The run has logged nothing.
    """
    path = work / METRICS_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    steps = [line for line in map(json.loads, lines) if "seconds" in line]
    if not steps:
        raise TrainingError(f"{path} holds no step to compare with; let the training run first")
    last = steps[-1]
    rate = last["step"] * (plan.num_images_seen / plan.num_steps) / last["seconds"]
    device_rate = rate * last["seconds"] / last["device_seconds"]
    paths = list_checkpoints(work / "checkpoints")
    written = sum(file.stat().st_size for file in paths[-1].iterdir()) if paths else 0
    return Taken(
        num_steps=(plan.num_steps, last["step"]),
        hours=(plan.hours, last["seconds"] / 3600),
        device_hours=(plan.device_hours, last["device_seconds"] / 3600),
        images_per_s=(plan.images_per_s, rate),
        bytes_read=(plan.bytes_read, last["bytes_read"]),
        label_rows=(plan.label_rows, last["label_rows"]),
        label_values=(plan.label_values, last["label_values"]),
        checkpoint_bytes=(plan.checkpoint_bytes, written),
        utilisation=(hardware.utilisation, device_rate * plan.flops_per_image / hardware.peak_flops),
    )
