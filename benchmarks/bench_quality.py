"""What pretraining on derived labels is worth: retrieval across styles on concepts that were never trained on.

    make bench-quality

Three arms per seed, all measured on the test split with the same fine-tuning configuration:

    pretrained    derived-label pretraining, then fine-tuning
    scratch       the same fine-tuning from an untrained trunk
    longer        fine-tuning from an untrained trunk with the steps of both stages: equal total compute

The gain is the relative rise of P@1 over both directions; its interval is a bootstrap over concepts, which are
resampled whole, with seeds averaged. `--scale 0.02 --corpus emoji-mini --seeds 1` is a smoke test.
"""

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from vitrail.contracts.evaluation import OUTCOMES_FILE
from vitrail.contracts.lineage import Lineage
from vitrail.corpus import build_corpus, open_corpus
from vitrail.evaluation import evaluate_model
from vitrail.labels import derive_labels
from vitrail.recipes import Recipe, find_recipe
from vitrail.training import FinetuneConfig, ScheduleConfig, finetune_tasks, pretrain_backbone

METRIC = "concept/float/p_at_1"
NUM_RESAMPLES = 5000
GOAL = 0.36
ARMS = ("pretrained", "scratch", "longer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="emoji")
    parser.add_argument("--recipe", default="emoji")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the recipe's steps")
    parser.add_argument("--work", type=Path, help="keep corpus, models and checkpoints here, and continue")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        print(json.dumps(measure(work, options.corpus, find_recipe(options.recipe), options.seeds, options.scale)))


def measure(work: Path, corpus_name: str, recipe: Recipe, num_seeds: int, scale: float) -> dict:
    corpus, labels = work / "corpus", work / "labels"
    if not corpus.exists():
        build_corpus(corpus_name, corpus)
    if not labels.exists():
        derive_labels(corpus, labels, recipe.labels)
    hits = {arm: [] for arm in ARMS}
    for seed in range(num_seeds):
        for arm in ARMS:
            folder = work / f"{arm}-{seed}"
            train(arm, folder, corpus, labels, recipe, seed, scale)
            hits[arm].append(outcomes(folder, corpus, recipe))
            print(f"{arm:10} seed {seed}: P@1 {np.mean(list(hits[arm][-1].values())):.4f}", flush=True)
    return summarize(hits, groups(corpus))


def train(arm: str, folder: Path, corpus: Path, labels: Path, recipe: Recipe, seed: int, scale: float) -> None:
    if (folder / "model").exists():
        return
    lineage = Lineage(run_id=f"{arm}-{seed}")
    pretraining = dataclasses.replace(recipe.pretrain, schedule=scaled(recipe.pretrain.schedule, scale), seed=seed)
    finetuning = finetune_config(recipe, scaled(recipe.finetune.schedule, scale), seed)
    backbone = None
    if arm == "pretrained":
        backbone = folder / "backbone"
        pretrain_backbone(
            corpus=corpus,
            labels=labels,
            out=backbone,
            work=folder / "pretrain",
            config=pretraining,
            lineage=lineage,
        )
    elif arm == "longer":
        both = finetuning.schedule.num_steps + pretraining.schedule.num_steps
        finetuning = dataclasses.replace(finetuning, schedule=dataclasses.replace(finetuning.schedule, num_steps=both))
    finetune_tasks(
        corpus=corpus,
        labels=labels,
        features=None,
        backbone=backbone,
        out=folder / "model",
        work=folder / "finetune",
        config=finetuning,
        lineage=lineage,
    )


def finetune_config(recipe: Recipe, schedule: ScheduleConfig, seed: int) -> FinetuneConfig:
    """The recipe's fine-tuning; every arm names the architecture, for two of them have no backbone."""
    return dataclasses.replace(
        recipe.finetune,
        architecture=recipe.pretrain.architecture,
        transforms=recipe.pretrain.transforms,
        schedule=schedule,
        frozen_steps=min(recipe.finetune.frozen_steps, schedule.num_steps),
        seed=seed,
    )


def scaled(schedule: ScheduleConfig, scale: float) -> ScheduleConfig:
    num_steps = max(2, round(scale * schedule.num_steps))
    warmup_steps = min(round(scale * schedule.warmup_steps), num_steps - 1)
    return dataclasses.replace(schedule, num_steps=num_steps, warmup_steps=warmup_steps)


def outcomes(folder: Path, corpus: Path, recipe: Recipe) -> dict[str, float]:
    """Hit or miss by query."""
    out = folder / "evaluation"
    if not out.exists():
        evaluate_model(corpus=corpus, model=folder / "model", features=None, out=out, config=recipe.evaluation)
    table = pq.read_table(out / OUTCOMES_FILE, filters=[("metric", "=", METRIC)])
    return dict(zip(table["unit"].to_pylist(), table["value"].to_pylist(), strict=True))


def groups(corpus: Path) -> dict[str, str]:
    table = open_corpus(corpus).splits()
    return dict(zip(table["image_id"].to_pylist(), table["group"].to_pylist(), strict=True))


def summarize(hits: dict[str, list[dict[str, float]]], group_of: dict[str, str]) -> dict:
    units = sorted(hits["scratch"][0])
    by_arm = {arm: np.mean([[run[unit] for unit in units] for run in runs], axis=0) for arm, runs in hits.items()}
    names, codes = np.unique([group_of[unit] for unit in units], return_inverse=True)
    sums = {arm: np.bincount(codes, weights=values, minlength=len(names)) for arm, values in by_arm.items()}
    picks = np.random.default_rng(0).integers(len(names), size=(NUM_RESAMPLES, len(names)))
    resampled = {arm: values[picks].sum(axis=1) for arm, values in sums.items()}
    result = {"name": "quality", "unit": "relative gain in P@1 over no pretraining"}
    for name, base in (("", "scratch"), ("compute_", "longer")):
        gain = float(sums["pretrained"].sum() / max(sums[base].sum(), 1e-9) - 1)
        gains = resampled["pretrained"] / np.maximum(resampled[base], 1e-9) - 1
        low, high = np.percentile(gains, [2.5, 97.5])
        result |= {f"{name}value": round(gain, 4), f"{name}low": round(low, 4), f"{name}high": round(high, 4)}
    p_at_1 = {arm: [round(float(np.mean(list(run.values()))), 4) for run in runs] for arm, runs in hits.items()}
    return result | {
        "ratio_to_peer": round(1 + result["value"], 4),
        "ratio_to_limit": round(result["value"] / GOAL, 4),
        "ratio_at_equal_compute": round(1 + result["compute_value"], 4),
        "p_at_1": p_at_1,
        "num_queries": len(units),
    }


if __name__ == "__main__":
    main()
