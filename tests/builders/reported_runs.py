"""Folders of runs to report on, as the pipeline leaves them, with real artifacts."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from builders.serving_reports import make_serving_report
from builders.studies import write_study
from vitrail.contracts.codec import save, write
from vitrail.contracts.files import write_json
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.contracts.runs import StepRecord
from vitrail.contracts.validation import ExpectationResult, FailingRows, SuiteResult, ValidationReport
from vitrail.corpus import open_corpus
from vitrail.evaluation import EvaluationConfig, evaluate_model
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold, gate_model
from vitrail.models import VitrailModel, save_model
from vitrail.recipes import find_recipe
from vitrail.steps.table import step_names
from vitrail.training import HARDWARE, CorpusNumbers, PlanReview, Taken, plan_training

__all__ = [
    "LINEAGE",
    "NUM_EXAMPLES",
    "NUM_NEIGHBOURS",
    "NUM_QUERIES",
    "PIPELINE",
    "SECTIONS",
    "record",
    "write_features",
    "write_looks",
    "write_run",
    "write_training",
    "write_validation",
]

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
)


PIPELINE = step_names("always", "blessed")


NUM_QUERIES, NUM_NEIGHBOURS, NUM_EXAMPLES = 6, 4, 12


SECTIONS = (
    *("outcome", "retrieval", "classification", "slices", "labels", "examples"),
    *("training", "study", "validation", "costs", "lineage", "timing", "environment"),
)


def write_model(folder, corpus, seed):
    heads = [
        HeadSpec(name=task.name, kind="classification", dim=len(task.classes), classes=task.classes)
        for task in open_corpus(corpus).manifest.tasks
        if task.kind == "classification"
    ]
    torch.manual_seed(seed)
    model = VitrailModel(
        TRUNK, Transforms(image_size=32), [*heads, HeadSpec(name="embedding", kind="retrieval", dim=32)]
    )
    save_model(folder, model, Lineage(run_id="test"))
    return folder


def write_features(folder, corpus):
    opened = open_corpus(corpus)
    (folder / "training_sets").mkdir(parents=True)
    for task in opened.manifest.tasks:
        labels = opened.task_labels(task.name)
        rows = np.arange(labels.num_rows)
        columns = {
            "num_signals": pa.array(rows % 7),
            "language": pa.array(np.where(rows % 2, "en", "de").tolist()),
        }
        for name, column in columns.items():
            labels = labels.append_column(name, column)
        pq.write_table(labels, folder / "training_sets" / f"{task.name}.parquet")
    return folder


def write_training(folder, tasks):
    folder.mkdir()
    lines = [
        {
            "step": step,
            "loss": 4.0 / step,
            "losses": dict.fromkeys(tasks, 2.0 / step),
            "learning_rate": 0.001 / step,
            "images_per_s": 200.0 + step,
            "data_wait_share": 0.1,
            "grad_norm": 1.5,
            "memory_bytes": 123e6,
            "seconds": step / 2,
        }
        for step in range(1, 30)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "training.jsonl").write_text(text + '{"step": 30, "lo')  # what a kill leaves behind
    return folder


def write_looks(folder, last_right=0.162, last_rank=9.8):
    """Looks at the features, before the first step and later, among the lines of a training."""
    path = folder / "training.jsonl"
    looks = [(0, 0.044, 15.0), (14, 0.1, 12.0), (28, last_right, last_rank)]
    lines = [
        json.dumps(
            {
                "step": step,
                "probe": {"num_images": 537, "effective_rank": rank, "nearest": {"concept": right}, "seconds": 0.5}
                | ({} if step else {"is_untrained": True}),
            }
        )
        for step, right, rank in looks
    ]
    first, *rest = lines
    path.write_text("\n".join([first, *path.read_text().splitlines()[:-1], *rest]) + "\n")
    return folder


def write_plan(folder):
    """A pretraining that was planned, and took half as long again."""
    hardware = HARDWARE["cpu"]
    numbers = CorpusNumbers(num_images=640, bytes_per_image=5000, num_labels=50, labels_per_image=4)
    recipe = find_recipe("debug")
    plan = plan_training(recipe.pretrain, numbers, hardware)
    taken = {field.name: (3.0, 4.5) for field in dataclasses.fields(Taken)}
    taken |= dict.fromkeys(("bytes_read", "checkpoint_bytes"), (7000000, 9000000))
    whole = dict.fromkeys(("num_steps", "label_rows", "label_values"), (2000, 2000))
    save(
        folder / "plan.json",
        PlanReview(hardware=hardware, numbers=numbers, plan=plan, taken=Taken(**taken | whole)),
    )
    return folder


def write_validation(folder, success=True):
    expectations = [
        ExpectationResult(
            expectation="expect_column_values_to_not_be_null",
            column="text",
            claim="every text is there",
            severity="critical",
            success=success,
            observed="2 of 100 rows",
            failing=() if success else (FailingRows(file="signals/0.parquet", observed="2", rows=("bad-image",)),),
        )
    ]
    report = ValidationReport(
        validation_id="v" * 64,
        corpus_digest="c" * 64,
        labels_digest="l" * 64,
        config_digest="d" * 64,
        baseline_digest=None,
        success=success,
        results=(SuiteResult(suite="signals", success=success, note="", expectations=tuple(expectations)),),
    )
    save(folder / "validation.json", report)
    (folder / "data_docs").mkdir()
    (folder / "data_docs" / "index.html").write_text("<p>docs</p>")
    return folder


def write_serving(folder):
    save(folder / "serving.json", make_serving_report())
    return folder


LINEAGE = {
    "checkout_corpus": {"git_revision": "0123456789abcdef"},
    "finetune_tasks": {"model_id": "m" * 64},
    "register_model": {"model_version": "vitrail/8"},
}


def record(run, step, artifact=None, *, status="succeeded", error=None, seconds=1.5, lineage=None):
    position = PIPELINE.index(step)
    entry = StepRecord(
        step=step,
        status=status,
        started_at=f"2026-11-24T04:{position:02d}:00+00:00",
        seconds=seconds,
        is_reused=step == "checkout_corpus",
        artifact=str(artifact) if artifact else None,
        digest=None,
        lineage=LINEAGE.get(step, {}) if lineage is None else lineage,
        error=error,
    )
    save(run / "steps" / f"{step}.json", entry)


def write_run(root, corpus, labels):
    """A run folder as the pipeline leaves it, with real artifacts."""
    run = root / "runs" / "20261124-040000"
    evaluation, features = root / "evaluation", write_features(root / "features", corpus)
    config = EvaluationConfig(
        num_resamples=100,
        min_slice_units=5,
        num_pictured_queries=NUM_QUERIES,
        num_pictured_neighbours=NUM_NEIGHBOURS,
    )
    for seed, name in enumerate(("challenger", "champion")):
        model = write_model(root / f"model-{name}", corpus, seed)
        evaluate_model(corpus=corpus, model=model, features=features, out=evaluation / name, config=config)
    verdict = gate_model(
        challenger=evaluation / "challenger",
        champion=evaluation / "champion",
        champion_version="vitrail/7",
        config=GateConfig(
            values=(ValueThreshold(metric="concept/float/p_at_1", limit=0.0),),
            changes=(ChangeThreshold(metric="skin_tone/macro_recall", margin=5.0),),
            min_groups=2,
        ),
    )
    write(root / "verdict", verdict)
    study = write_study(root / "study")
    write_json(run / "recipe.json", {"name": "emoji", "labels": {"top_k": 8}, "study": str(study)})
    artifacts = {
        "checkout_corpus": corpus,
        "derive_labels": labels,
        "validate_data": write_validation(root / "validation"),
        "materialize_features": features,
        "pretrain_backbone": write_plan(write_looks(write_training(root / "backbone", ["annotations"]))),
        "finetune_tasks": write_training(root / "model", ["skin_tone", "category"]),
        "evaluate_model": evaluation,
        "gate_model": root / "verdict",
        "validate_endpoint": write_serving(root / "serving"),
    }
    for step in PIPELINE:
        record(run, step, artifacts.get(step))
    return run
