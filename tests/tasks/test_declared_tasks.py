"""From a folder with `tasks.json` to an answer: every kind is trained, measured, gated, reported and served."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from builders.training_jobs import finetune_config, train, write_finetune
from builders.word_labels import write_word_labels
from vitrail.contracts.codec import save
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.runs import StepRecord
from vitrail.corpus import build_corpus
from vitrail.evaluation import EvaluationConfig, IndexConfig, build_index, evaluate_model
from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold, gate_model
from vitrail.models import load_manifest
from vitrail.packaging import EndpointConfig, Engine, prepare_bundle
from vitrail.reporting import publish_report
from vitrail.steps.table import step_names
from vitrail.training import CheckpointConfig, OptimizerConfig, ScheduleConfig

SIZES = ("small", "medium", "large")
TAGS = {"red": (220, 30, 30), "green": (30, 160, 30), "blue": (30, 30, 220)}
NUM_IMAGES = 168
DECLARED = {
    "size": {"kind": "ordinal", "classes": list(SIZES)},
    "colours": {"kind": "multilabel"},
    "product": {"kind": "retrieval"},
}


def draw(level, colours, seed):
    """A disc of one of three sizes, and a bar of each colour on top."""
    generator = np.random.default_rng(seed)
    image = Image.new("RGB", (48, 48), (240, 240, 240))
    pen = ImageDraw.Draw(image)
    radius = (4, 9, 14)[level]
    x, y = 24 + generator.integers(-4, 5), 30 + generator.integers(-3, 4)
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(60, 60, 60))
    for place, name in enumerate(TAGS):
        if name in colours:
            pen.rectangle([16 * place, 0, 16 * place + 15, 10], fill=TAGS[name])
    return image


def write_folder(folder):
    folder.mkdir()
    lines = []
    for number in range(NUM_IMAGES):
        level, marks = number % 3, 1 + number // 3 % 7
        colours = [name for place, name in enumerate(TAGS) if marks >> place & 1]
        draw(level, colours, number).save(folder / f"{number:03d}.png")
        row = {"file_name": f"{number:03d}.png", "size": SIZES[level], "colours": colours}
        row |= {"product": f"{SIZES[level]} {marks}", "title": f"{SIZES[level]} disc", "language": "en"}
        row |= {"group": str(number), "split": ("train", "train", "train", "test")[number // 21 % 4]}
        lines.append(json.dumps(row))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    (folder / "tasks.json").write_text(json.dumps(DECLARED))
    return folder


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("declared")
    build_corpus(str(write_folder(folder / "pictures")), folder / "corpus")
    labels = write_word_labels(folder / "labels", folder / "corpus")
    config = finetune_config(
        schedule=ScheduleConfig(num_steps=120, batch_size=24, warmup_steps=5),
        optimizer=OptimizerConfig(learning_rate=3e-3),
        checkpoint=CheckpointConfig(every_steps=120),
        log_every_steps=40,
    )
    assert train(write_finetune(folder / "work", folder / "corpus", labels, config)) == [0]
    out = folder / "evaluate_model" / "challenger"
    report = evaluate_model(
        corpus=folder / "corpus",
        model=folder / "work" / "result",
        features=None,
        out=out,
        config=EvaluationConfig(num_resamples=200),
    )
    return folder, report


def test_heads_are_those_of_the_kinds(evaluated):
    folder, _ = evaluated
    heads = {head.name: head for head in load_manifest(folder / "work" / "result").heads}
    assert (heads["size"].dim, heads["size"].classes, heads["size"].activation) == (2, SIZES, "thresholds")
    assert (heads["colours"].dim, heads["colours"].activation) == (3, "sigmoid")
    assert list(heads) == ["colours", "size", "embedding"]


def test_every_kind_is_learned_and_measured_with_intervals(evaluated):
    _, report = evaluated
    assert {task.name: task.kind for task in report.tasks} == {
        "size": "ordinal",
        "colours": "multilabel",
        "product": "retrieval",
    }
    chance = {item.metric: item.value for item in report.baselines if item.kind == "chance"}
    for name in ("size/accuracy", "size/quadratic_kappa", "colours/macro_average_precision", "product/float/p_at_1"):
        metric = report.metric(name)
        assert metric.low <= metric.value <= metric.high
        assert metric.low > chance[name] + 0.1, metric
    assert report.metric("size/mean_absolute_error").high < chance["size/mean_absolute_error"]
    assert report.metric("colours/micro_f1").value > 0.7


@pytest.mark.parametrize(
    ("metric", "limit", "direction"),
    [
        ("size/mean_absolute_error", 0.5, "max"),
        ("size/quadratic_kappa", 0.3, "min"),
        ("colours/macro_average_precision", 0.6, "min"),
        ("colours/micro_average_precision", 0.6, "min"),
        ("colours/macro_f1", 0.5, "min"),
    ],
)
def test_gates_take_the_metrics_by_name(evaluated, metric, limit, direction):
    folder, _ = evaluated
    config = GateConfig(
        values=(ValueThreshold(metric=metric, limit=limit, direction=direction),),
        changes=(ChangeThreshold(metric=metric, margin=0.01, direction=direction),),
    )
    own = folder / "evaluate_model" / "challenger"
    verdict = gate_model(challenger=own, champion=own, champion_version="1", config=config)
    assert verdict.status == "blessed", verdict.reasons
    refused = ValueThreshold(metric=metric, limit=2.0 if direction == "min" else -1.0, direction=direction)
    verdict = gate_model(challenger=own, champion=None, champion_version=None, config=GateConfig(values=(refused,)))
    assert verdict.status == "rejected"


def test_the_report_shows_every_kind(evaluated):
    folder, _ = evaluated
    run = folder / "run"
    for step, artifact in (("checkout_corpus", "corpus"), ("evaluate_model", "evaluate_model")):
        record = StepRecord(
            step=step,
            status="succeeded",
            started_at="2026-11-24T04:00:00+00:00",
            seconds=1.0,
            is_reused=False,
            artifact=str(folder / artifact),
            digest=None,
        )
        save(run / record.FILE.format(step=step), record)
    publish_report(run, run / "report.html", step_names("always", "blessed"))
    page = (run / "report.html").read_text()
    for shown in ("quadratic weighted kappa", "in levels", "Recall of each class, size"):
        assert shown in page
    for shown in ("Mean average precision of labels", "Average precision of each class, colours"):
        assert shown in page
    assert "could not be written" not in page


def test_an_engine_answers_with_probabilities_and_the_expected_level(evaluated):
    folder, _ = evaluated
    model = folder / "work" / "result"
    build_index(corpus=folder / "corpus", model=model, out=folder / "index", config=IndexConfig())
    bundle = prepare_bundle(
        corpus=folder / "corpus",
        model=model,
        index=folder / "index",
        features=None,
        labels=None,
        out=folder / "bundle",
        config=EndpointConfig(num_golden=4),
        lineage=Lineage(run_id="test"),
    )
    engine = Engine(bundle)
    expected = []
    for level in range(3):
        draw(level, ["red", "blue"], 999).save(folder / "query.png")
        [answer] = engine.predict([engine.prepare((folder / "query.png").read_bytes())])
        sizes, colours = answer.probabilities["size"], answer.probabilities["colours"]
        assert sizes.shape == (3,)
        assert sizes.sum() == pytest.approx(1, abs=1e-5)
        found = dict(zip(engine.heads["colours"].classes, colours.tolist(), strict=True))
        assert min(found["red"], found["blue"]) > found["green"]
        summary = engine.summarise("size", sizes)
        assert summary == {"expected_level": pytest.approx(sizes @ np.arange(3))}
        expected.append(summary["expected_level"])
        assert engine.summarise("colours", colours) == {}
    assert expected == sorted(expected)
    assert expected[2] - expected[0] > 0.5
