"""The gate's truth table: what is blessed, rejected or inconclusive, a row a case."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from builders.evaluations import hits, write_evaluation
from vitrail.contracts.evaluation import SystemNumbers
from vitrail.gates import ChangeThreshold, CostLimits, GateConfig, ValueThreshold, gate_model

ACCURACY = "task/accuracy"
GATES = GateConfig(
    values=(ValueThreshold(metric=ACCURACY, limit=0.4),),
    changes=(ChangeThreshold(metric=ACCURACY, margin=0.02),),
    num_resamples=500,
)
NOISY = np.random.default_rng(0).permutation(hits(0.5))


def costing(num_parameters=1000, latency_ms=5.0):
    return SystemNumbers(
        num_parameters=num_parameters,
        flops_per_image=10,
        images_per_s=100.0,
        latency_ms=latency_ms,
        batch_size=8,
        num_threads=1,
        device="cpu",
        embedding_bytes_float=None,
        embedding_bytes_binary=None,
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """What differs from an equal challenger, and what must come out.

    `challenger` and `champion` are arguments of `write_evaluation`; without a champion there is none.
    """

    name: str
    status: str
    says: str
    challenger: dict = field(default_factory=dict)
    champion: dict | None = field(default_factory=dict)
    gates: Callable[[GateConfig], GateConfig] = lambda gates: gates


def margin(size):
    return lambda gates: dataclasses.replace(gates, changes=(ChangeThreshold(metric=ACCURACY, margin=size),))


def without(name):
    return lambda gates: dataclasses.replace(gates, **{name: ()})


def limits(**costs):
    return lambda gates: dataclasses.replace(gates, costs=CostLimits(**costs))


TABLE = [
    Row(name="equal", status="blessed", says="lies on the good side of -0.02"),
    Row(name="better", status="blessed", says="better than the champion", challenger={"values": hits(0.6)}),
    Row(
        name="better, though the margin is below what the split tells",
        status="blessed",
        says="better than the champion",
        challenger={"values": hits(0.6)},
        gates=margin(0.001),
    ),
    Row(
        name="worse",
        status="rejected",
        says="worse than the champion",
        challenger={"values": hits(0.42)},
    ),
    Row(
        name="worse, though the margin is below what the split tells",
        status="rejected",
        says="worse than the champion",
        challenger={"values": hits(0.42)},
        gates=margin(0.001),
    ),
    Row(name="worse within the margin", status="blessed", says="good side", challenger={"values": hits(0.4975)}),
    Row(
        name="noisy",
        status="inconclusive",
        says="the margin 0.02 is below that",
        challenger={"values": NOISY},
    ),
    Row(
        name="noisy, with a margin that the split tells",
        status="blessed",
        says="good side of -0.2",
        challenger={"values": NOISY},
        gates=margin(0.2),
    ),
    Row(
        name="worse by about the margin",
        status="inconclusive",
        says="straddles -0.1",
        challenger={"values": np.where(np.arange(400) < 160, 1.0, 0.0) + (np.arange(400) >= 395)},
        gates=margin(0.1),
    ),
    Row(
        name="equal, with a margin that so few groups cannot tell",
        status="inconclusive",
        says="tells differences of 0.1684 or more, and the margin 0.02 is below that",
        challenger={"values": hits(0.5, 20)},
        champion={"values": hits(0.5, 20)},
    ),
    Row(
        name="too few groups to compare",
        status="inconclusive",
        says="4 independent groups of test units, 8 are needed",
        challenger={"values": hits(1), "groups": [f"group-{i % 4}" for i in range(400)]},
        champion={"groups": [f"group-{i % 4}" for i in range(400)]},
    ),
    Row(name="missing metric", status="rejected", says="was not measured", challenger={"drop": "metric"}),
    Row(name="missing metric of the champion", status="rejected", says="was not measured", champion={"drop": "metric"}),
    Row(name="missing outcomes", status="rejected", says="has no rows", challenger={"drop": "outcomes"}),
    Row(
        name="a task that the challenger has lost",
        status="rejected",
        says="other/accuracy was not measured",
        champion={"tasks": {"task": "classification", "other": "classification"}},
        gates=lambda gates: dataclasses.replace(
            gates,
            values=(ValueThreshold(metric="<classification>/accuracy", limit=0.4),),
            changes=(ChangeThreshold(metric="<classification>/accuracy", margin=0.02),),
        ),
    ),
    Row(
        name="missing limits of values",
        status="blessed",
        says="task task (classification) has no threshold for a value",
        gates=without("values"),
    ),
    Row(
        name="missing limits of changes",
        status="rejected",
        says="no change threshold",
        challenger={"values": hits(1)},
        gates=without("changes"),
    ),
    Row(name="no limits at all", status="rejected", says="no threshold", gates=lambda _: GateConfig()),
    Row(
        name="costs alone are no limits",
        status="rejected",
        says="no threshold",
        challenger={"system": costing()},
        gates=lambda _: GateConfig(costs=CostLimits(latency_ms=9.0)),
    ),
    Row(name="missing limit of the gap", status="blessed", says="task/recall_gap has no threshold"),
    Row(name="missing limit of the latency", status="blessed", says="system/latency_ms has no threshold"),
    Row(
        name="costs within their limits",
        status="blessed",
        says="compared with the champion",
        challenger={"system": costing()},
        gates=limits(num_parameters=1000, latency_ms=5.0),
    ),
    Row(
        name="too large",
        status="rejected",
        says="system/num_parameters (value): fail, 1000 exceeds 999",
        challenger={"system": costing()},
        gates=limits(num_parameters=999),
    ),
    Row(
        name="too slow",
        status="rejected",
        says="system/latency_ms (value): fail, 5 exceeds 4.9",
        challenger={"system": costing()},
        gates=limits(latency_ms=4.9),
    ),
    Row(
        name="a limit for a cost that was not measured",
        status="rejected",
        says="system/latency_ms was not measured",
        challenger={"system": costing(latency_ms=None)},
        gates=limits(latency_ms=4.9),
    ),
    Row(
        name="costs not measured at all",
        status="rejected",
        says="system/num_parameters was not measured",
        gates=limits(num_parameters=1000),
    ),
    Row(
        name="a latency that is no number",
        status="rejected",
        says="system/latency_ms is nan, not a finite number",
        challenger={"system": costing(latency_ms=float("nan"))},
        gates=limits(latency_ms=4.9),
    ),
    Row(name="NaN", status="rejected", says="not a finite number", challenger={"value": float("nan")}),
    Row(name="NaN of the champion", status="rejected", says="not a finite number", champion={"value": float("nan")}),
    Row(name="infinite", status="rejected", says="not a finite number", challenger={"value": float("inf")}),
    Row(
        name="NaN among the outcomes",
        status="rejected",
        says="not finite",
        challenger={"values": np.where(np.arange(400) == 3, np.nan, hits(1)), "value": 0.9975},
    ),
    Row(
        name="outcomes that say otherwise",
        status="rejected",
        says="outcomes.parquet",
        challenger={"values": hits(0.45), "value": 0.9},
    ),
    Row(name="first model", status="blessed", says="there is no champion yet", champion=None),
    Row(
        name="first model below its limit",
        status="rejected",
        says="0.3 is below 0.4",
        challenger={"values": hits(0.3)},
        champion=None,
    ),
    Row(
        name="first model without limits of values",
        status="rejected",
        says="a first model is judged by value thresholds",
        champion=None,
        gates=without("values"),
    ),
    Row(
        name="the champion itself, with a margin that the split cannot tell",
        status="blessed",
        says="the challenger is the champion",
        challenger={"model": "b" * 64},
        gates=margin(0.001),
    ),
    Row(name="other corpus", status="rejected", says="same corpus", champion={"corpus": "d" * 64}),
    Row(
        name="other label set",
        status="rejected",
        says="different test units or labels",
        challenger={"statistic": "kappa", "references": np.arange(400) % 3},
        champion={"statistic": "kappa", "references": np.arange(400) % 2},
    ),
    Row(
        name="other classes",
        status="rejected",
        says="different test units or labels",
        challenger={"strata": np.array(["red", "blue"])[np.arange(400) % 2]},
        champion={"strata": np.array(["red", "green"])[np.arange(400) % 2]},
    ),
    Row(name="other split", status="rejected", says="evaluate both on the same split", champion={"split": "val"}),
    Row(
        name="other test units",
        status="rejected",
        says="different test units",
        champion={"units": [f"other-{i:04d}" for i in range(400)]},
    ),
    Row(
        name="the split that choices are made by",
        status="rejected",
        says="measure it on test",
        challenger={"split": "val"},
        champion={"split": "val"},
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row.name for row in TABLE])
def test_the_verdict(row, tmp_path):
    challenger = write_evaluation(tmp_path / "challenger", **({"values": hits(0.5)} | row.challenger))
    champion = None
    if row.champion is not None:
        arguments = {"values": hits(0.5), "model": "b" * 64} | row.champion
        champion = write_evaluation(tmp_path / "champion", **arguments)
    verdict = gate_model(challenger=challenger, champion=champion, champion_version=None, config=row.gates(GATES))
    assert verdict.status == row.status, verdict.reasons
    assert verdict.is_blessed == (row.status == "blessed")
    said = [*verdict.reasons, *(check.reason for check in verdict.checks)]
    assert any(row.says in reason for reason in said), said


def test_names_of_rows_are_unique():
    assert len({row.name for row in TABLE}) == len(TABLE)
