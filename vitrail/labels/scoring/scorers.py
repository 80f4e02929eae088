"""Scorers of annotations: the probability that a phrase describes its post's picture, in 16-bit fixed point.

Fixed point makes sums independent of the order of their terms, so labels do not depend on partitioning.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from vitrail.contracts.files import atomic_file
from vitrail.errors import LabelError
from vitrail.labels.scoring.annotation_features import COUNTED_FEATURES, is_feature, source_feature

__all__ = [
    "ONE",
    "BoostedScorer",
    "HeuristicScorer",
    "Scorer",
    "combine",
    "load_scorer",
    "to_evidence",
    "train_scorer",
]

ONE = 65_535  # fixed-point 1.0
_EVIDENCE_SCALE = 1 << 20
_MAX_EVIDENCE = 12.0  # a score of 1 - exp(-12): certain at 16 bits

# Log-odds of the heuristic. A phrase said once by one trusted source, of average specificity, in a text it
# half fills, is right every other time (log-odds 0); each entry says how a feature moves that.
_INTERCEPT = -0.35
_LOG_ODDS = {
    "num_sources": 0.7,  # each further source doubles the odds
    "coverage": 0.7,  # the whole text rather than half of it: 1.4 times
    "is_nested": -1.1,  # only inside a longer phrase: a third
    "specificity": 0.4,  # one standard deviation rarer than the language's average: 1.5 times
    "entropy": -0.7,  # spread over all topics: half
    "query_rate": 0.7,  # queries with it led to all of its images: twice
    "cosine": 0.7,  # in line with the rest of the post: twice
}


_TRUST = "trust"
_OTHER_SCORER = "name the scorer.json of a label set that was derived with judgements"
# What scorers read that were trained before they named their features.
_FIRST_SOURCES = ("title", "description", "alt_text", "keyword", "board", "query", "url")
_BEFORE_NAMES = (*COUNTED_FEATURES, *map(source_feature, _FIRST_SOURCES))


class Scorer(Protocol):
    """Features to scores."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the F features that it reads."""
        ...

    def score(self, features: np.ndarray) -> np.ndarray:
        """float32 [A, F] to int64 [A] in 0..ONE."""
        ...


class HeuristicScorer:
    """Log-odds that need no judgements, times the trust in the source."""

    features = (_TRUST, *_LOG_ODDS)

    def score(self, features: np.ndarray) -> np.ndarray:
        """int64 [A] in 0..ONE."""
        log_odds = np.full(len(features), _INTERCEPT, dtype=np.float32)
        for index, (name, weight) in enumerate(_LOG_ODDS.items(), start=1):
            column = features[:, index]
            log_odds += np.float32(weight) * (column - 1 if name == "num_sources" else column)
        return np.rint(features[:, 0] / (1 + np.exp(-log_odds)) * ONE).astype(np.int64)


class BoostedScorer:
    """Boosted trees trained on judgements, times the trust in the source.

    Args:
        path: A model that `train_scorer` wrote. It names the features it reads, so that kinds of text that came after
            it do not matter to it.

    Raises:
        LabelError: The file is not such a model.
    """

    def __init__(self, path: Path) -> None:
        import xgboost

        self._model = xgboost.Booster()
        try:
            self._model.load_model(path)
        except (xgboost.core.XGBoostError, OSError) as error:
            why = str(error).partition("\n")[0].rpartition("] ")[2]  # a stack trace follows
            raise LabelError(f"scorer {path} cannot be read as an XGBoost model ({why}); {_OTHER_SCORER}") from error
        self.features = tuple(self._model.feature_names or _BEFORE_NAMES)
        self._trust = self.features.index(_TRUST) if _TRUST in self.features else -1
        unknown = [name for name in self.features if not is_feature(name)]
        if unknown or self._trust < 0 or self._model.num_features() != len(self.features):
            reads = f"the feature {unknown[0]!r}" if unknown else f"{self._model.num_features()} features"
            raise LabelError(f"scorer {path} reads {reads} and is no scorer of labels; {_OTHER_SCORER}")

    def score(self, features: np.ndarray) -> np.ndarray:
        """int64 [A] in 0..ONE."""
        if not len(features):
            return np.zeros(0, dtype=np.int64)
        probability = self._model.inplace_predict(features)
        return np.rint(probability * features[:, self._trust] * ONE).astype(np.int64)


def load_scorer(path: str | None) -> Scorer:
    """The boosted trees in `path`, or the heuristic without one."""
    return BoostedScorer(Path(path)) if path else HeuristicScorer()


def train_scorer(names: Sequence[str], features: np.ndarray, is_right: np.ndarray, path: Path) -> None:
    """Trains boosted trees on judged annotations and writes them to `path` (JSON).

    Args:
        names: F features, trust among them.
        features: float32 [A, F].
        is_right: bool [A], whether a person (or a held-out field) confirmed the phrase.
        path: Appears whole.

    Raises:
        LabelError: The judgements are all alike.
    """
    import xgboost

    if is_right.all() or not is_right.any():
        raise LabelError(f"all {len(is_right)} judgements are alike; a scorer needs right and wrong phrases")
    model = xgboost.XGBClassifier(
        n_estimators=200, max_depth=4, learning_rate=0.1, subsample=0.8, random_state=0, n_jobs=1
    )
    model.fit(features, is_right.astype(np.int32))
    booster = model.get_booster()
    booster.feature_names = list(names)
    with atomic_file(path) as partial:
        partial.write_bytes(booster.save_raw("json"))


def _evidence_table() -> np.ndarray:
    scores = np.arange(ONE + 1) / ONE
    with np.errstate(divide="ignore"):
        evidence = np.minimum(-np.log1p(-scores), _MAX_EVIDENCE)
    return np.rint(evidence * _EVIDENCE_SCALE).astype(np.int64)


_EVIDENCE = _evidence_table()


def to_evidence(scores: np.ndarray) -> np.ndarray:
    """-log(1 - score), fixed point: adding evidence is the noisy-or of scores."""
    return _EVIDENCE[scores]


def combine(evidence: np.ndarray) -> np.ndarray:
    """The score of summed evidence: 1 - exp(-evidence)."""
    return np.rint(-np.expm1(-evidence / _EVIDENCE_SCALE) * ONE).astype(np.int64)
