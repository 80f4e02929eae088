"""What is expected of the data, as Great Expectations suites over the measured frames."""

from collections.abc import Sequence
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe

from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.validation import Severity
from vitrail.validation.config import ValidationConfig
from vitrail.validation.signals import REQUIRED

__all__ = [
    "drift_suite",
    "images_suite",
    "joins_suite",
    "labels_suite",
    "signals_suite",
    "texts_suite",
    "vocabulary_suite",
]

FORMATS = ["jpeg", "png", "webp"]


def _suite(name: str, expectations: Sequence[gxe.Expectation]) -> gx.ExpectationSuite:
    return gx.ExpectationSuite(name, expectations=list(expectations))


def _no(measure: str, column: str, claim: str, *, severity: Severity = "critical") -> gxe.ExpectColumnValuesToBeBetween:
    """No row of any file is counted by `measure`."""
    return _within(measure, column, claim, 0, 0, severity)


def _within(
    measure: str, column: str, claim: str, low: float | None, high: float | None, severity: Severity
) -> gxe.ExpectColumnValuesToBeBetween:
    return gxe.ExpectColumnValuesToBeBetween(
        column=measure,
        min_value=low,
        max_value=high,
        severity=severity,
        description=claim,
        meta={"column": column},
    )


def _readable(claim: str) -> gxe.ExpectColumnValuesToBeNull:
    return gxe.ExpectColumnValuesToBeNull(
        column="problem", severity="critical", description=claim, meta={"column": "the file"}
    )


def _total(measure: str, total: int, claim: str) -> gxe.ExpectColumnSumToBeBetween:
    return gxe.ExpectColumnSumToBeBetween(
        column=measure,
        min_value=total,
        max_value=total,
        severity="critical",
        description=claim,
        meta={"column": "all files"},
    )


def signals_suite(manifest: CorpusManifest, config: ValidationConfig) -> gx.ExpectationSuite:
    """Every row of every signal file, counted per file."""
    nulls = [_no(f"null_{column}", column, f"{column} is never null") for column in REQUIRED]
    return _suite(
        "signals",
        [
            _readable("every signal file has the columns of the contract"),
            _total("num_rows", manifest.num_signals, "there are as many texts as the manifest says"),
            *nulls,
            _no("not_utf8", "text", "every text is UTF-8"),
            _no("orphans", "image_id", "every text belongs to an image of the index"),
            _no("bad_weights", "weight", "every weight is finite and not negative"),
            _within(
                "empty_share",
                "text",
                f"at most {config.max_empty_share:.0%} of the texts of a file are empty",
                None,
                config.max_empty_share,
                "warning",
            ),
        ],
    )


def texts_suite(config: ValidationConfig) -> gx.ExpectationSuite:
    """A random sample of texts, one by one."""
    common: dict[str, Any] = {"severity": "warning", "mostly": config.mostly}
    return _suite(
        "texts",
        [
            gxe.ExpectColumnValueLengthsToBeBetween(
                column="text",
                min_value=1,
                max_value=config.max_text_chars,
                description=f"texts have 1 to {config.max_text_chars:,} characters",
                meta={"column": "text"},
                **common,
            ),
            gxe.ExpectColumnValuesToMatchRegex(
                column="text",
                regex=r"[^\W_]",
                description="texts hold a letter or a digit",
                meta={"column": "text"},
                **common,
            ),
            gxe.ExpectColumnValuesToMatchRegex(
                column="language",
                regex=r"^[a-z]{2,3}$",
                description="languages are ISO 639 codes or null",
                meta={"column": "language"},
                **common,
            ),
        ],
    )


def labels_suite(config: ValidationConfig) -> gx.ExpectationSuite:
    """Every row of every sidecar, counted per file."""
    return _suite(
        "labels",
        [
            _readable("every shard has a sidecar with the columns of the contract"),
            _no("missing_rows", "image_id", "a sidecar has as many rows as the index of its shard"),
            _no("misplaced_rows", "image_id", "row by row, a sidecar names the images of the index"),
            _no("unknown_labels", "label_ids", "every label is in the vocabulary"),
            _no("repeated_labels", "label_ids", "no image has a label twice"),
            _no("unpaired_scores", "scores", "every label has one score"),
            _no("bad_scores", "scores", "scores are in [0, 1]"),
            _no("unsorted_scores", "scores", "the best label comes first", severity="warning"),
            _within(
                "labelled_share",
                "label_ids",
                f"at least {config.min_labelled_share:.0%} of the images of a shard have a label",
                config.min_labelled_share,
                None,
                "warning",
            ),
        ],
    )


def vocabulary_suite() -> gx.ExpectationSuite:
    """The vocabulary as a whole."""
    return _suite(
        "vocabulary",
        [
            _readable("the vocabulary has the columns of the contract"),
            _within("num_rows", "label_id", "there is at least one label", 1, None, "critical"),
            _no("num_missing", "label_id", "there are as many labels as the manifest says"),
            _no("null_terms", "term", "every label has a term"),
            _no("repeated_ids", "label_id", "label ids are unique"),
            _no("repeated_terms", "term", "no two labels of a language share a term", severity="warning"),
            _no("bad_frequencies", "frequency", "frequencies are the numbers of images with the label"),
            _no("bad_idf", "idf", "idf is finite and not negative"),
            _no("unknown_bands", "band", "every label is head, mid or tail"),
        ],
    )


def joins_suite(config: ValidationConfig) -> gx.ExpectationSuite:
    """What the tables of the corpus and the label set say about the same images."""
    return _suite(
        "joins",
        [
            _readable("splits and task files have the columns of the contract"),
            _no("foreign_labels", "corpus_digest", "the label set was derived from this corpus"),
            _no("missing_rows", "image_id", "splits have as many rows as the index"),
            _no("misplaced_rows", "image_id", "splits name the images of the index, row by row"),
            _no("unknown_splits", "split", "every split is train, val or test"),
            _no("straddling_groups", "group", "no group is in more than one split"),
            _no("orphans", "image_id", "every task label belongs to an image of the index"),
            _no("repeated_images", "image_id", "no task labels an image twice"),
            _no("null_labels", "label", "no task label is null"),
            _no("null_times", "observed_at", "every task label has a time"),
            _no("unknown_classes", "label", "every label is a class of its task"),
            _within("num_rows", "image_id", "splits and tasks are not empty", 1, None, "critical"),
            _no("empty_splits", "split", "there are train, val and test images", severity="warning"),
            _no("shared_images", "digest", "no picture is in two splits", severity="warning"),
            _within("num_classes", "label", "a task has two classes or more", 2, None, "warning"),
            _no("classes_without_train", "label", "every class has training images", severity="warning"),
            _no("classes_without_test", "label", "every class has test images", severity="warning"),
            _within(
                "quarantined_share",
                "num_quarantined",
                f"at most {config.max_quarantined_share:.0%} of the images are in quarantine",
                None,
                config.max_quarantined_share,
                "warning",
            ),
        ],
    )


def images_suite(config: ValidationConfig) -> gx.ExpectationSuite:
    """A random sample of images, decoded."""
    sides = gxe.ExpectColumnValuesToBeBetween(
        column="min_side",
        min_value=config.min_image_side,
        mostly=config.mostly,
        severity="warning",
        description=f"the shorter side has at least {config.min_image_side} pixels",
        meta={"column": "width and height"},
    )
    aspects = gxe.ExpectColumnValuesToBeBetween(
        column="aspect",
        max_value=config.max_aspect,
        mostly=config.mostly,
        severity="warning",
        description=f"the longer side is at most {config.max_aspect:g} times the shorter one",
        meta={"column": "width and height"},
    )
    contrast = gxe.ExpectColumnValuesToBeBetween(
        column="contrast",
        min_value=0,
        strict_min=True,
        mostly=config.mostly,
        severity="warning",
        description="images are not of one colour",
        meta={"column": "pixels"},
    )
    formats = gxe.ExpectColumnValuesToBeInSet(
        column="format",
        value_set=FORMATS,
        severity="critical",
        description="images are PNG, JPEG or WebP",
        meta={"column": "format"},
    )
    return _suite("images", [_readable("images decode and are those of the index"), formats, sides, aspects, contrast])


def drift_suite(config: ValidationConfig) -> gx.ExpectationSuite:
    """Distances to the profile of the last blessed run; without one they are null, and nothing can fail."""
    limits: tuple[tuple[float, Severity], ...] = (
        (config.warning_drift, "warning"),
        (config.critical_drift, "critical"),
    )
    claim = "every distribution is within {:g} of the last blessed run's (Jensen-Shannon distance)"
    return _suite(
        "drift",
        [_within("distance", "distance", claim.format(limit), None, limit, severity) for limit, severity in limits],
    )
