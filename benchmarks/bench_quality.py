"""What a recipe's pretraining is worth: retrieval on concepts that were never trained on, against no pretraining.

    make bench-quality

A study (`vitrail.study`) of one label recipe on the recipe's own corpus and schedule: the pretrained arm against no
pretraining at equal fine-tuning and at equal total computation. Every arm gets its fine-tuning rate from the validation
split over the same grid, half and one and a half times the recipe's. `--scale 0.02 --corpus emoji-mini --recipe debug
--seeds 1` is a smoke test.
"""

import argparse
import dataclasses
import json
import logging
import tempfile
from pathlib import Path

from vitrail.contracts.study import StudyReport
from vitrail.recipes import find_recipe
from vitrail.study import StudyConfig, run_study
from vitrail.training import ScheduleConfig

GOAL = 0.36  # relative; the paper's, with a thousand times the pretraining data
RATE_FACTORS = (0.5, 1.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="emoji")
    parser.add_argument("--recipe", default="emoji")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the recipe's steps")
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--work", type=Path, help="keep corpus, models and checkpoints here, and continue")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("vitrail").setLevel(logging.INFO)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        config = study_of(options.recipe, options.corpus, options.seeds, options.scale)
        report = run_study(config, out=work / "quality", workspace=work, num_jobs=options.jobs)
        print(json.dumps(summarize(report)))


def study_of(name: str, corpus: str, num_seeds: int, scale: float) -> StudyConfig:
    recipe = find_recipe(name)
    rate = recipe.finetune.optimizer.learning_rate
    return StudyConfig(
        recipe=name,
        target=corpus,
        corpora=(corpus,),
        num_seeds=num_seeds,
        pretrain=scaled(recipe.pretrain.schedule, scale),
        finetune=scaled(recipe.finetune.schedule, scale),
        finetune_rates=tuple(factor * rate for factor in RATE_FACTORS),
    )


def scaled(schedule: ScheduleConfig, scale: float) -> ScheduleConfig:
    num_steps = max(2, round(scale * schedule.num_steps))
    warmup_steps = min(round(scale * schedule.warmup_steps), num_steps - 1)
    return dataclasses.replace(schedule, num_steps=num_steps, warmup_steps=warmup_steps)


def summarize(report: StudyReport) -> dict:
    """The object; a missing arm is an error."""
    (pretrained,) = (arm for arm in report.arms if "@" in arm.way)
    result = {"name": "quality", "unit": f"relative gain in {report.metric} over no pretraining"}
    for prefix, kind in (("", "finetuning"), ("compute_", "compute")):
        (found,) = (one for one in report.comparisons if (one.kind, one.arm) == (kind, pretrained.name))
        gain = dataclasses.asdict(found.gain)
        result |= {f"{prefix}{name}": round(value, 4) for name, value in gain.items()}
    return result | {
        "ratio_to_peer": round(1 + result["value"], 4),
        "ratio_to_limit": round(result["value"] / GOAL, 4),
        "ratio_at_equal_compute": round(1 + result["compute_value"], 4),
        "p_at_1": {arm.way: [round(value, 4) for value in arm.by_seed] for arm in report.arms},
        "rates": {arm.way: next(one.finetune_rate for one in arm.candidates if one.is_chosen) for arm in report.arms},
        "smallest_difference": round(report.smallest_difference, 4),
        "num_queries": report.num_queries,
        "num_concepts": report.num_concepts,
        "unfinished": list(report.unfinished),
    }


if __name__ == "__main__":
    main()
