"""Scorers of annotations: the probability that a phrase describes its post's picture, in 16-bit fixed point.

Fixed point makes sums independent of the order of their terms, so labels do not depend on partitioning.
"""

from pathlib import Path
from typing import Protocol

import numpy as np

from vitrail.contracts.files import atomic_file
from vitrail.errors import LabelError
from vitrail.labels.scoring.annotation_features import FEATURES

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


class Scorer(Protocol):
    """Features to scores."""

    def score(self, features: np.ndarray) -> np.ndarray:
        """float32 [A, len(FEATURES)] to int64 [A] in 0..ONE."""
        ...


class HeuristicScorer:
    """Log-odds that need no judgements, times the trust in the source."""

    def score(self, features: np.ndarray) -> np.ndarray:
        """int64 [A] in 0..ONE."""
        log_odds = np.full(len(features), _INTERCEPT, dtype=np.float32)
        for name, weight in _LOG_ODDS.items():
            column = features[:, FEATURES.index(name)]
            log_odds += np.float32(weight) * (column - 1 if name == "num_sources" else column)
        trust = features[:, FEATURES.index("trust")]
        return np.rint(trust / (1 + np.exp(-log_odds)) * ONE).astype(np.int64)


class BoostedScorer:
    """Boosted trees trained on judgements, times the trust in the source.

    Args:
        path: A model that `train_scorer` wrote.

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
            raise LabelError(
                f"scorer {path} cannot be read as an XGBoost model ({why}); name the scorer.json of a label set that "
                "was derived with judgements"
            ) from error
        if self._model.num_features() != len(FEATURES):
            raise LabelError(
                f"scorer {path} reads {self._model.num_features()} features, not {len(FEATURES)}; train again"
            )

    def score(self, features: np.ndarray) -> np.ndarray:
        """int64 [A] in 0..ONE."""
        if not len(features):
            return np.zeros(0, dtype=np.int64)
        probability = self._model.inplace_predict(features)
        return np.rint(probability * features[:, FEATURES.index("trust")] * ONE).astype(np.int64)


def load_scorer(path: str | None) -> Scorer:
    """The boosted trees in `path`, or the heuristic without one."""
    return BoostedScorer(Path(path)) if path else HeuristicScorer()


def train_scorer(features: np.ndarray, is_right: np.ndarray, path: Path) -> None:
    """Trains boosted trees on judged annotations and writes them to `path` (JSON).

    Args:
        features: float32 [A, len(FEATURES)].
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
    with atomic_file(path) as partial:
        partial.write_bytes(model.get_booster().save_raw("json"))


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
