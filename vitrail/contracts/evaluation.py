"""The evaluation contract.

    evaluation.json          EvaluationReport
    outcomes.parquet         OUTCOMES_SCHEMA, one row per (metric, test unit), for paired comparison of two models
    neighbours.parquet       NEIGHBOURS_SCHEMA, sampled queries with what was found, for the report
"""

from dataclasses import dataclass

import pyarrow as pa

__all__ = [
    "EVALUATION_SCHEMA_VERSION",
    "NEIGHBOURS_SCHEMA",
    "OUTCOMES_SCHEMA",
    "ConfusionMatrix",
    "EvaluationReport",
    "Metric",
]

EVALUATION_SCHEMA_VERSION = 1

OUTCOMES_SCHEMA = pa.schema(
    [
        ("metric", pa.string()),
        ("unit", pa.string()),  # the image_id of the query or of the classified image
        ("stratum", pa.string()),  # class, for metrics that average over classes; else null
        ("value", pa.float32()),  # 1 hit, 0 miss, or a share
    ]
)
NEIGHBOURS_SCHEMA = pa.schema(
    [
        ("task", pa.string()),
        ("direction", pa.string()),
        ("query_id", pa.string()),
        ("rank", pa.int32()),  # 1 is the nearest
        ("image_id", pa.string()),
        ("similarity", pa.float32()),  # cosine
        ("is_match", pa.bool_()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured value with its bootstrap interval.

    Names read `<task>/<metric>`, `<task>/recall/<class>` or `<task>/<float|binary>/<p_at_k|r_at_k>`, with
    `/<query domain>-><gallery domain>` behind them for one direction.
    """

    name: str
    value: float
    low: float  # 95% percentile bootstrap over test units
    high: float
    num_units: int


@dataclass(frozen=True, kw_only=True)
class ConfusionMatrix:
    """`counts[i][j]`: test images of class i that were given class j."""

    task: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """What one model measured on one corpus (`evaluation.json`)."""

    model_id: str
    corpus_digest: str
    metrics: tuple[Metric, ...]
    confusion: tuple[ConfusionMatrix, ...]
    schema_version: int = EVALUATION_SCHEMA_VERSION

    def metric(self, name: str) -> Metric | None:
        """The metric of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)
