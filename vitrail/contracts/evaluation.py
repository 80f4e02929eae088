"""The evaluation contract.

evaluation.json          EvaluationReport
outcomes.parquet         OUTCOMES_SCHEMA, a row per (metric, stratum, test unit), to compare two models
neighbours.parquet       NEIGHBOURS_SCHEMA, sampled queries with what was found, for the report
"""

from dataclasses import dataclass
from typing import Literal, get_args

import pyarrow as pa

from vitrail.contracts.contract import Contract
from vitrail.errors import EvaluationError

__all__ = [
    "NEIGHBOURS_FILE",
    "NEIGHBOURS_SCHEMA",
    "OUTCOMES_FILE",
    "OUTCOMES_SCHEMA",
    "STATISTICS",
    "Baseline",
    "ConfusionMatrix",
    "EvaluationReport",
    "MeasuredTask",
    "Metric",
    "Reliability",
    "ReliabilityBin",
    "SliceMetric",
    "Statistic",
    "SystemNumbers",
]

Statistic = Literal[
    "mean", "gap", "ratio", "mean_ratio", "kappa", "average_precision", "pooled_average_precision", "calibration"
]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

OUTCOMES_FILE = "outcomes.parquet"
NEIGHBOURS_FILE = "neighbours.parquet"

OUTCOMES_SCHEMA = pa.schema(
    [
        ("metric", pa.string()),
        (
            "statistic",
            pa.string(),
        ),  # one of STATISTICS: how rows become the metric, over the means of its strata
        ("unit", pa.string()),  # the image_id of the query or of the classified image
        ("group", pa.string()),  # units of one group are not independent and are drawn together
        ("stratum", pa.string()),  # class or direction, for metrics that average over them; else null
        ("value", pa.float32()),  # 1 hit, 0 miss, or a share; a level for a kappa, a score for a ranking
        # What a ratio divides by, a kappa's true level, 1 for what a ranking should find, the probability of a guess;
        # else 1.
        ("reference", pa.float32()),
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

    Classification: `<task>/accuracy`, `<task>/macro_recall`, `<task>/recall_gap` (best minus worst class),
    `<task>/lift` (accuracy over that of always naming the most frequent class), `<task>/calibration_error`,
    `<task>/<recall|precision|f1>/<class>`. Ordinal: as classification, and `<task>/mean_absolute_error` (in levels),
    `<task>/quadratic_kappa`. Multi-label: `<task>/<macro|micro>_<average_precision|f1>`,
    `<task>/macro_average_precision/<head|mid|tail>`, `<task>/<average_precision|recall|precision|f1>/<label>`,
    `<task>/calibration_error`.

    Retrieval: `<task>/<float|binary|asymmetric>/<p_at_k|r_at_k|cmc_at_k|mean_average_precision|ndcg>` is the mean over
    directions, with `/<query domain>-><gallery domain>` behind it for one direction (of four domains at most; with
    more, every query searches all other domains at once and there is one direction), or with `/within/<task>` when
    only gallery images of the query's class in that classification task are searched; `asymmetric` are float queries
    that meet binary codes, and `<task>/<binary|asymmetric>_ratio` is that P@1 over the float one.

    Of the metric of a task that is sliced, `<metric>/gap/<dimension>` is its best minus its worst slice.

    A metric that the test split leaves undefined (a class without images, 0 / 0) is not in the report.
    """

    name: str
    value: float
    low: float  # 95% percentile bootstrap over groups of test units
    high: float
    num_units: int


@dataclass(frozen=True, kw_only=True)
class SliceMetric:
    """A metric on the test units of one slice, such as `signals` = `1-3` or `language` = `de`."""

    metric: str
    dimension: str
    bucket: str
    value: float
    low: float
    high: float
    num_units: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a metric would be without looking at the pictures."""

    metric: str
    kind: Literal["chance", "majority"]
    value: float


@dataclass(frozen=True, kw_only=True)
class SystemNumbers:
    """What the model costs, on the machine that evaluated it."""

    num_parameters: int
    flops_per_image: int  # a multiply-add counts as two
    images_per_s: float  # inference only, without reading and decoding
    latency_ms: float | None = None  # median of the answers for one image; None where it was not measured
    batch_size: int
    num_threads: int
    device: str
    embedding_bytes_float: int | None  # per image; None without a retrieval head
    embedding_bytes_binary: int | None


@dataclass(frozen=True, kw_only=True)
class ConfusionMatrix:
    """`counts[i][j]`: test images of class i that were given class j."""

    task: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Guesses of about the same probability."""

    mean_probability: float
    share_right: float
    num_guesses: int


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How probabilities of a task's guesses compare with the shares that are right, by rising probability."""

    task: str
    bins: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, kw_only=True)
class MeasuredTask:
    """A task that the report has metrics for, and its kind."""

    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class EvaluationReport(
    Contract,
    noun="an evaluation",
    file="evaluation.json",
    error=EvaluationError,
    remedy="evaluate the model again (step evaluate_model)",
):
    """What one model measured on one corpus (`evaluation.json`)."""

    model_id: str
    corpus_digest: str
    metrics: tuple[Metric, ...]
    confusion: tuple[ConfusionMatrix, ...]
    split: Literal["val", "test"] = "test"
    tasks: tuple[MeasuredTask, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    slices: tuple[SliceMetric, ...] = ()
    system: SystemNumbers | None = None

    def metric(self, name: str) -> Metric | None:
        """The metric of that name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)
