"""Scorers of annotations: the probability that a phrase describes its post's picture, in 16-bit fixed point."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from vitrail.contracts.files import atomic_file
from vitrail.errors import LabelError
from vitrail.labels.scoring.annotation_features import FIRST_FEATURES, is_feature, source_feature
from vitrail.labels.scoring.evidence import ONE

__all__ = ["BoostedScorer", "HeuristicScorer", "Scorer", "load_scorer", "train_scorer"]

_TESTIMONY = "testimony"
_TRUST = "trust"
_OTHER_SCORER = "name the scorer.json of a label set that was derived with judgements"
# What scorers read that were trained before they named their features.
_FIRST_SOURCES = ("title", "description", "alt_text", "keyword", "board", "query", "url")
_BEFORE_NAMES = (*FIRST_FEATURES, *map(source_feature, _FIRST_SOURCES))


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
    """What the sources of a post bear out, which needs no judgements."""

    features = (_TESTIMONY,)

    def score(self, features: np.ndarray) -> np.ndarray:
        """int64 [A] in 0..ONE."""
        return np.rint(features[:, 0] * ONE).astype(np.int64)


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
