"""How good the two scorers are on judgements they have not seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq

from vitrail.contracts.labels import JUDGED_FILE, SCORER_FILE
from vitrail.errors import LabelError
from vitrail.labels.label_set.opened import LabelSet
from vitrail.labels.scoring.evidence import ONE
from vitrail.labels.scoring.scorers import BoostedScorer, HeuristicScorer, train_scorer
from vitrail.labels.shards.scorer_training import judged_features

__all__ = ["ScorerQuality", "compare_scorers"]

_NUM_FOLDS = 5


@dataclass(frozen=True, kw_only=True)
class ScorerQuality:
    """Of scores in [0, 1] as probabilities of being right."""

    auc: float  # probability that a right phrase scores above a wrong one
    average_precision: float
    brier: float  # mean squared error: 0 is perfect
    calibration_error: float  # mean gap between score and share of right ones, over ten bins of equal size


def compare_scorers(labels: LabelSet) -> dict[str, ScorerQuality]:
    """Both scorers, and one that knows only the share of right phrases, on held-out judgements.

    The trees are trained on four fifths of the judgements and asked about the rest, five times; pictures of one
    split group stay together.

    Raises:
        LabelError: The label set was derived without judgements, or with too few to hold some out.
    """
    path = labels.path / JUDGED_FILE
    if not path.exists():
        raise LabelError(f"{labels.path} was derived without judgements; name some in the recipe (labels.judgements)")
    table = pq.read_table(path)
    names, features = judged_features(table)
    is_right = table["is_right"].to_numpy()
    groups = np.unique(table["group"].to_pylist(), return_inverse=True)[1]
    if groups.max() + 1 < 2 * _NUM_FOLDS:
        raise LabelError(f"{path} is about {groups.max() + 1} groups of pictures; judge at least {2 * _NUM_FOLDS}")
    trees, share = np.zeros(len(is_right)), np.zeros(len(is_right))
    for training, held_out in _folds(groups):
        share[held_out] = is_right[training].mean()
        with TemporaryDirectory() as folder:
            train_scorer(names, features[training], is_right[training], Path(folder) / SCORER_FILE)
            trees[held_out] = BoostedScorer(Path(folder) / SCORER_FILE).score(features[held_out]) / ONE
    heuristic = HeuristicScorer()
    missing = [name for name in heuristic.features if name not in names]
    if missing:
        raise LabelError(f"{path} lacks the feature {missing[0]!r}, which is newer; derive the labels again")
    read = [names.index(name) for name in heuristic.features]
    return {
        "share of right phrases": measure_scores(share, is_right),
        "heuristic": measure_scores(heuristic.score(features[:, read]) / ONE, is_right),
        "boosted trees": measure_scores(trees, is_right),
    }


def _folds(groups: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    fold = np.random.default_rng(0).permutation(groups.max() + 1)[groups] % _NUM_FOLDS
    for number in range(_NUM_FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def measure_scores(scores: np.ndarray, is_right: np.ndarray) -> ScorerQuality:
    """The measures of one scorer."""
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    bins = np.array_split(np.argsort(scores, kind="stable"), 10)
    gaps = [len(rows) * abs(scores[rows].mean() - is_right[rows].mean()) for rows in bins if len(rows)]
    return ScorerQuality(
        auc=float(roc_auc_score(is_right, scores)),
        average_precision=float(average_precision_score(is_right, scores)),
        brier=float(brier_score_loss(is_right, scores)),
        calibration_error=float(sum(gaps) / len(scores)),
    )
