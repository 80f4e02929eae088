"""What a verdict holds, beyond the truth table: numbers, reasons, coverage, and what is refused outright."""

import dataclasses
import json

import numpy as np
import pytest

from builders.evaluations import NUM_UNITS, hits, write_evaluation
from vitrail.contracts.codec import encode, load, save
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.verdict import Verdict
from vitrail.errors import ConfigError, EvaluationError
from vitrail.gates import (
    ChangeThreshold,
    CostLimits,
    GateConfig,
    ValueThreshold,
    every_task,
    gate_model,
)

GATES = GateConfig(
    values=(ValueThreshold(metric="task/accuracy", limit=0.4),),
    changes=(ChangeThreshold(metric="task/accuracy", margin=0.02),),
    num_resamples=500,
)


EVEN_AND_ODD = np.array(["even", "odd"])[np.arange(NUM_UNITS) % 2]


def judge(challenger, champion=None, config=GATES, version=None):
    return gate_model(challenger=challenger, champion=champion, champion_version=version, config=config)


def rewrite(folder, **changes):
    path = folder / "evaluation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def champion(tmp_path):
    return write_evaluation(tmp_path / "champion", hits(0.5), model="b" * 64)


def change_of(verdict):
    return next(check for check in verdict.checks if check.kind == "change")


def test_equal_challenger_is_blessed(tmp_path, champion):
    verdict = judge(write_evaluation(tmp_path / "new", hits(0.5)), champion, version="vitrail/1")
    assert verdict.status == "blessed"
    assert verdict.is_blessed
    assert change_of(verdict).difference == 0
    assert (change_of(verdict).low, change_of(verdict).high) == (0, 0)
    assert verdict.champion_version == "vitrail/1"
    assert "vitrail/1" in verdict.reasons[0]


def test_better_challenger_is_blessed(tmp_path, champion):
    verdict = judge(write_evaluation(tmp_path / "new", hits(0.6)), champion)
    assert verdict.status == "blessed"
    assert change_of(verdict).difference == pytest.approx(0.1)
    assert change_of(verdict).low > 0
    assert 0.01 < change_of(verdict).smallest_difference < 0.06
    assert verdict.checks[0].smallest_difference is None


def test_value_below_its_limit_is_rejected(tmp_path):
    verdict = judge(write_evaluation(tmp_path / "new", hits(0.3)))
    assert verdict.status == "rejected"
    assert verdict.checks[0].low < 0.3 < verdict.checks[0].high


def test_value_at_its_limit_passes(tmp_path):
    assert judge(write_evaluation(tmp_path / "new", hits(0.4))).status == "blessed"


def test_the_champion_itself_is_recognised(tmp_path, champion):
    verdict = judge(champion, champion, version="vitrail/1")
    assert verdict.status == "blessed"
    assert "itself" in verdict.reasons[0]


@pytest.mark.parametrize("side", ["challenger", "champion"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_not_a_number_is_rejected(tmp_path, champion, side, value):
    challenger = write_evaluation(tmp_path / "new", hits(1))
    folder = challenger if side == "challenger" else champion
    report = load(EvaluationReport, folder / "evaluation.json")
    rewrite(folder, metrics=[encode(dataclasses.replace(report.metrics[0], value=value))])
    verdict = judge(challenger, champion)
    assert verdict.status == "rejected"
    assert "not a finite number" in change_of(verdict).reason
    if side == "challenger":
        assert verdict.checks[0].outcome == "fail"
        assert verdict.checks[0].challenger is None
    save(tmp_path / "verdict.json", verdict)
    assert load(Verdict, tmp_path / "verdict.json") == verdict


def test_a_gap_is_better_when_smaller(tmp_path):
    even = (np.arange(NUM_UNITS) % 2 == 0).astype(float)
    wide, narrow = (
        write_evaluation(tmp_path / "wide", even, statistic="gap", strata=EVEN_AND_ODD),
        write_evaluation(tmp_path / "narrow", hits(1), statistic="gap", strata=EVEN_AND_ODD),
    )
    config = GateConfig(
        values=(ValueThreshold(metric="task/recall_gap", limit=0.5, direction="max"),),
        changes=(ChangeThreshold(metric="task/recall_gap", margin=0.05, direction="max"),),
        num_resamples=200,
    )
    assert judge(narrow, wide, config).status == "blessed"
    rejected = judge(wide, narrow, config)
    assert [check.outcome for check in rejected.checks] == ["fail", "fail"]
    assert change_of(rejected).limit == 0.05


def test_names_match_exactly(tmp_path):
    config = GateConfig(values=(ValueThreshold(metric="task", limit=0.0),))
    assert judge(write_evaluation(tmp_path / "new", hits(1)), None, config).status == "rejected"


def test_an_incomplete_evaluation_is_an_error(tmp_path, champion):
    challenger = write_evaluation(tmp_path / "new", hits(1))
    (challenger / "outcomes.parquet").unlink()
    with pytest.raises(EvaluationError, match="evaluate the model again"):
        judge(challenger, champion)
    (challenger / "evaluation.json").unlink()
    with pytest.raises(EvaluationError, match=r"is not an evaluation \(no evaluation\.json\); evaluate"):
        judge(challenger, champion)


def test_an_evaluation_of_another_schema_is_refused(tmp_path):
    challenger = write_evaluation(tmp_path / "new", hits(1))
    rewrite(challenger, schema_version=99)
    with pytest.raises(EvaluationError, match="schema version 99"):
        judge(challenger)


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: ValueThreshold(metric="", limit=0), "metric"),
        (lambda: ValueThreshold(metric="<classification>", limit=0), "metric"),
        (lambda: ChangeThreshold(metric="<a b>/lift", margin=0), "metric"),
        (lambda: ValueThreshold(metric="a", limit=float("nan")), "limit"),
        (lambda: ChangeThreshold(metric="a", margin=-0.1), "margin"),
        (lambda: ChangeThreshold(metric="a", margin=float("inf")), "margin"),
        (lambda: CostLimits(num_parameters=0), "num_parameters"),
        (lambda: CostLimits(latency_ms=float("nan")), "latency_ms"),
        (lambda: GateConfig(num_resamples=3), "num_resamples"),
        (lambda: GateConfig(min_groups=1), "min_groups"),
        (lambda: GateConfig(seed=-1), "seed"),
        (lambda: GateConfig(changes=(ChangeThreshold(metric="a", margin=0),) * 2), "changes"),
    ],
)
def test_unusable_thresholds_are_refused(build, field):
    with pytest.raises(ConfigError, match=field):
        build()


EVERY = GateConfig(
    values=(
        ValueThreshold(metric=every_task("classification", "accuracy"), limit=0.4),
        ValueThreshold(metric=every_task("retrieval", "binary_ratio"), limit=0.5),
    ),
    changes=(ChangeThreshold(metric=every_task("classification", "accuracy"), margin=0.02),),
    num_resamples=500,
)


@pytest.mark.parametrize(("share", "status"), [(0.5, "blessed"), (0.3, "rejected")])
def test_a_threshold_for_every_task_is_the_same_as_one_that_names_it(tmp_path, champion, share, status):
    challenger = write_evaluation(tmp_path / "new", hits(share))
    verdict = judge(challenger, champion, EVERY)
    assert verdict.status == status
    assert verdict.checks == judge(challenger, champion).checks
    assert "there is no retrieval task, so nothing of that kind was checked" in verdict.reasons


def tasks_of(folder, **kinds):
    rewrite(folder, tasks=[{"name": name, "kind": kind} for name, kind in kinds.items()])
    return folder


def test_every_task_means_every_one(tmp_path):
    verdict = judge(
        tasks_of(write_evaluation(tmp_path / "new", hits(1)), task="classification", other="classification"),
        None,
        EVERY,
    )
    assert verdict.status == "rejected"
    assert [check.name for check in verdict.checks] == ["task/accuracy", "other/accuracy"]
    assert verdict.checks[1].reason == "other/accuracy was not measured"


def test_a_threshold_that_names_its_task_goes_before(tmp_path):
    values = (*EVERY.values, ValueThreshold(metric="task/accuracy", limit=0.9))
    verdict = judge(write_evaluation(tmp_path / "new", hits(0.5)), None, dataclasses.replace(EVERY, values=values))
    assert [(check.name, check.limit, check.outcome) for check in verdict.checks] == [("task/accuracy", 0.9, "fail")]


def test_a_task_without_a_threshold_is_said(tmp_path):
    verdict = judge(tasks_of(write_evaluation(tmp_path / "new", hits(1)), task="classification", size="ordinal"))
    assert verdict.status == "blessed"
    assert "task size (ordinal) has no threshold" in verdict.reasons
    assert not any("task task" in reason for reason in verdict.reasons)


def test_thresholds_that_fit_no_task_bless_nothing(tmp_path, champion):
    challenger = tasks_of(write_evaluation(tmp_path / "new", hits(1)), size="ordinal")
    for before in (None, tasks_of(champion, size="ordinal")):
        verdict = judge(challenger, before, EVERY)
        assert verdict.status == "rejected"
        assert verdict.checks == ()
        assert "task size (ordinal) has no threshold" in verdict.reasons
