"""Whether probabilities mean what they say: of guesses given 80%, are 80% right?

Shapes: N guesses.
"""

import numpy as np
from numpy.typing import NDArray

from vitrail.contracts.evaluation import Reliability, ReliabilityBin
from vitrail.evaluation.metrics import build_outcomes
from vitrail.evaluation.units import Units
from vitrail.gates.outcomes import Outcomes

__all__ = ["calibration_outcomes", "describe_reliability"]

NUM_BINS = 15  # as in Guo et al. 2017


def calibration_outcomes(
    task: str, units: Units, rows: NDArray[np.int64], probabilities: NDArray[np.floating], is_right: NDArray[np.bool_]
) -> Outcomes:
    """Of the expected calibration error: how far the probability of a bin is from the share that is right.

    The mean over guesses, in bins of equal width (Naeini et al. 2015).

    Args:
        task: Name of the task.
        units: The test split.
        rows: The image of each guess, as a position in it [N].
        probabilities: Of each guess [N].
        is_right: [N].
    """
    return build_outcomes(
        f"{task}/calibration_error",
        units,
        rows,
        is_right,
        strata=np.char.mod("%02d", _bins(probabilities)),
        references=probabilities,
        statistic="calibration",
    )


def describe_reliability(task: str, probabilities: NDArray[np.floating], is_right: NDArray[np.bool_]) -> Reliability:
    """The bins that hold a guess, for the report."""
    bins = _bins(probabilities)
    return Reliability(
        task=task,
        bins=tuple(
            ReliabilityBin(
                mean_probability=float(probabilities[bins == number].mean()),
                share_right=float(is_right[bins == number].mean()),
                num_guesses=int((bins == number).sum()),
            )
            for number in np.unique(bins)
        ),
    )


def _bins(probabilities: NDArray[np.floating]) -> NDArray[np.int64]:
    """The bin of each guess, of NUM_BINS that are equally wide."""
    return np.minimum((probabilities * NUM_BINS).astype(np.int64), NUM_BINS - 1)
