"""A real model on a real corpus, from pictures to evaluation.json, through the gate."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from builders.reported_runs import write_features
from vitrail.contracts.codec import load
from vitrail.contracts.evaluation import NEIGHBOURS_SCHEMA, OUTCOMES_SCHEMA, EvaluationReport
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import open_corpus
from vitrail.errors import ConfigError, EvaluationError
from vitrail.evaluation import EvaluationConfig, evaluate_model, evaluate_predict_fn
from vitrail.evaluation.system import count_flops
from vitrail.gates import ChangeThreshold, CostLimits, GateConfig, ValueThreshold, gate_model, point, read_outcomes
from vitrail.models import Predictor, VitrailModel, save_model

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
)
CONFIG = EvaluationConfig(num_resamples=200, min_slice_units=5, batch_size=64)


def write_model(folder, corpus, *, seed=0, kinds=("classification", "retrieval")):
    tasks = [task for task in open_corpus(corpus).manifest.tasks if task.kind == "classification"]
    heads = [
        HeadSpec(name=task.name, kind="classification", dim=len(task.classes), classes=task.classes)
        for task in tasks
        if "classification" in kinds
    ]
    if "retrieval" in kinds:
        heads.append(HeadSpec(name="embedding", kind="retrieval", dim=128))
    torch.manual_seed(seed)
    model = VitrailModel(TRUNK, Transforms(image_size=32), heads)
    for name, head in model.heads.items():
        if name != "embedding":
            torch.nn.init.normal_(head.weight)
    save_model(folder, model, Lineage(run_id="test"))
    return folder


@pytest.fixture(scope="module")
def evaluated(mini_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation")
    report = evaluate_model(
        corpus=mini_corpus,
        model=write_model(folder / "model", mini_corpus),
        features=write_features(folder / "features", mini_corpus),
        out=folder / "out",
        config=CONFIG,
    )
    return folder, report


def test_the_report_is_what_was_written(evaluated):
    folder, report = evaluated
    assert load(EvaluationReport, folder / "out" / "evaluation.json") == report
    assert pq.read_schema(folder / "out" / "outcomes.parquet").equals(OUTCOMES_SCHEMA)
    assert pq.read_schema(folder / "out" / "neighbours.parquet").equals(NEIGHBOURS_SCHEMA)


def test_every_promised_metric_is_there(evaluated):
    _, report = evaluated
    names = {metric.name for metric in report.metrics}
    for task in ("skin_tone", "category"):
        assert {f"{task}/accuracy", f"{task}/macro_recall", f"{task}/recall_gap"} <= names
        assert {f"{task}/calibration_error", f"{task}/accuracy/gap/language"} <= names
    assert {"skin_tone/recall/none", "skin_tone/recall/dark"} <= names
    for precision in ("float", "binary", "asymmetric"):
        for metric in ("p_at_1", "p_at_5", "r_at_10", "cmc_at_5", "mean_average_precision", "ndcg"):
            stem = f"concept/{precision}/{metric}"
            assert {stem, f"{stem}/twemoji->openmoji", f"{stem}/openmoji->twemoji"} <= names
            assert f"{stem}/within/category" in names
    assert {"concept/binary_ratio", "concept/asymmetric_ratio"} <= names


def test_values_lie_in_their_ranges(evaluated):
    _, report = evaluated
    for metric in report.metrics:
        assert 0 <= metric.value <= (10 if metric.name.endswith(("ratio", "lift")) else 1), metric
        assert metric.low <= metric.high
        assert metric.num_units > 0


def test_the_confusion_matrix_agrees_with_recall(evaluated):
    _, report = evaluated
    for confusion in report.confusion:
        counts = np.array(confusion.counts)
        for index, name in enumerate(confusion.classes):
            if counts[index].sum():
                recall = report.metric(f"{confusion.task}/recall/{name}").value
                assert recall == pytest.approx(counts[index, index] / counts[index].sum())


def test_outcomes_reproduce_the_report(evaluated):
    folder, report = evaluated
    path = folder / "out" / "outcomes.parquet"
    stored = set(pq.read_table(path, columns=["metric"])["metric"].to_pylist())
    compared = [metric for metric in report.metrics if metric.name in stored]
    assert len(compared) > 20
    for metric in compared:
        assert point(read_outcomes(path, metric.name)) == pytest.approx(metric.value, abs=1e-6)


def test_only_the_test_split_is_measured(evaluated, mini_corpus):
    folder, _ = evaluated
    splits = open_corpus(mini_corpus).splits().to_pylist()
    test = {row["image_id"] for row in splits if row["split"] == "test"}
    assert set(pq.read_table(folder / "out" / "outcomes.parquet")["unit"].to_pylist()) <= test
    neighbours = pq.read_table(folder / "out" / "neighbours.parquet")
    assert set(neighbours["query_id"].to_pylist()) | set(neighbours["image_id"].to_pylist()) <= test


def test_slices_are_there_for_text_coverage_and_language(evaluated):
    _, report = evaluated
    assert {item.dimension for item in report.slices} == {"signals", "language"}
    accuracy = report.metric("skin_tone/accuracy")
    languages = [item for item in report.slices if (item.metric, item.dimension) == (accuracy.name, "language")]
    assert sum(item.num_units for item in languages) == accuracy.num_units
    weighted = sum(item.value * item.num_units for item in languages) / accuracy.num_units
    assert weighted == pytest.approx(accuracy.value)


def test_system_numbers(evaluated):
    _, report = evaluated
    assert report.system.embedding_bytes_float == 512
    assert report.system.embedding_bytes_binary == 16
    assert report.system.images_per_s > 0
    assert report.system.num_parameters > 10_000


def test_a_function_is_measured_as_the_model_behind_it(evaluated, mini_corpus):
    folder, report = evaluated
    predictor = Predictor(folder / "model")
    values = dict(
        evaluate_predict_fn(
            predictor.predict,
            heads=predictor.manifest.heads,
            transforms=predictor.manifest.transforms,
            corpus=mini_corpus,
            config=CONFIG,
        )
    )
    assert values == {metric.name: metric.value for metric in report.metrics if "/gap/" not in metric.name}


def test_a_limit_on_latency_and_size_is_checked_on_what_was_measured(evaluated):
    folder, report = evaluated
    limits = CostLimits(num_parameters=report.system.num_parameters, latency_ms=report.system.latency_ms / 2)
    config = GateConfig(values=(ValueThreshold(metric="concept/float/p_at_1", limit=0.0),), costs=limits)
    verdict = gate_model(challenger=folder / "out", champion=None, champion_version=None, config=config)
    assert [(check.name, check.outcome) for check in verdict.checks[1:]] == [
        ("system/num_parameters", "pass"),
        ("system/latency_ms", "fail"),
    ]


def test_flops_count_attention():
    model = VitrailModel(Architecture(name="vit_tiny_patch16_224"), Transforms(image_size=224))
    assert count_flops(model) == pytest.approx(2.507e9, rel=0.001)  # 1.25 GMAC


def test_measuring_twice_gives_the_same_numbers(evaluated, mini_corpus, tmp_path):
    folder, report = evaluated
    again = evaluate_model(
        corpus=mini_corpus,
        model=folder / "model",
        features=folder / "features",
        out=tmp_path / "out",
        config=CONFIG,
    )
    assert dataclasses.replace(again, system=None) == dataclasses.replace(report, system=None)


def test_the_gate_takes_it_from_here(evaluated, mini_corpus, tmp_path):
    folder, _ = evaluated
    other = evaluate_model(
        corpus=mini_corpus,
        model=write_model(tmp_path / "model", mini_corpus, seed=1),
        features=None,
        out=tmp_path / "out",
        config=CONFIG,
    )
    assert other.slices == ()
    names = ("skin_tone/macro_recall", "skin_tone/recall_gap", "concept/asymmetric_ratio", "concept/float/p_at_1")
    config = GateConfig(
        values=(ValueThreshold(metric="concept/asymmetric_ratio", limit=0.0),),
        changes=tuple(ChangeThreshold(metric=name, margin=5.0) for name in names),
        min_groups=2,
    )
    arguments = {"challenger": folder / "out", "champion_version": "vitrail/1", "config": config}
    verdict = gate_model(champion=tmp_path / "out", **arguments)
    assert verdict.status == "blessed", verdict.reasons
    assert all(check.low <= check.high for check in verdict.checks)
    assert gate_model(champion=folder / "out", **arguments).reasons[0].startswith("the challenger is")


def test_a_task_the_model_has_no_head_for_is_missing_not_guessed(mini_corpus, tmp_path):
    model = write_model(tmp_path / "model", mini_corpus, kinds=("retrieval",))
    report = evaluate_model(corpus=mini_corpus, model=model, features=None, out=tmp_path / "out", config=CONFIG)
    assert report.metric("skin_tone/accuracy") is None
    assert report.metric("concept/float/p_at_1") is not None


def test_a_model_without_any_head_is_refused(mini_corpus, tmp_path):
    model = write_model(tmp_path / "model", mini_corpus, kinds=())
    with pytest.raises(EvaluationError, match="no head for any task"):
        evaluate_model(corpus=mini_corpus, model=model, features=None, out=tmp_path / "out", config=CONFIG)
    assert not (tmp_path / "out").exists()


def test_choices_are_made_on_a_split_of_their_own(evaluated, mini_corpus, tmp_path):
    folder, _ = evaluated
    out = tmp_path / "out"
    evaluate_model(corpus=mini_corpus, model=folder / "model", features=None, out=out, config=CONFIG, split="val")
    splits = open_corpus(mini_corpus).splits()
    split_of = dict(zip(splits["image_id"].to_pylist(), splits["split"].to_pylist(), strict=True))
    for place, split in ((out, "val"), (folder / "out", "test")):
        assert {split_of[unit] for unit in pq.read_table(place / "outcomes.parquet")["unit"].to_pylist()} == {split}


def test_an_empty_test_split_is_refused(mini_corpus, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for path in mini_corpus.iterdir():
        (corpus / path.name).symlink_to(path)
    (corpus / "splits.parquet").unlink()
    splits = open_corpus(mini_corpus).splits().to_pylist()
    rows = [row | {"split": "train"} for row in splits]
    pq.write_table(pa.Table.from_pylist(rows, open_corpus(mini_corpus).splits().schema), corpus / "splits.parquet")
    model = write_model(tmp_path / "model", mini_corpus)
    with pytest.raises(EvaluationError, match="no image in split 'test'"):
        evaluate_model(corpus=corpus, model=model, features=None, out=tmp_path / "out", config=CONFIG)


def test_evaluation_json_is_plain_json(evaluated):
    folder, report = evaluated
    data = json.loads((folder / "out" / "evaluation.json").read_text())
    assert data["model_id"] == report.model_id


@pytest.mark.parametrize("ranks", [(), (5,), (1, 1), (1, 10, 5)])
def test_ranks_rise_from_one(ranks):
    with pytest.raises(ConfigError, match="ranks"):
        EvaluationConfig(ranks=ranks)


@pytest.mark.parametrize("field", ["num_resamples", "batch_size", "seed", "min_slice_units", "max_queries"])
def test_unusable_settings_are_refused(field):
    with pytest.raises(ConfigError, match=field):
        EvaluationConfig(**{field: -1})
