"""An endpoint's answers against the trainer's.

Shapes: N golden images, D embedding width, k neighbours, C outputs of a head.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitrail.contracts.serving import ServingCheck
from vitrail.packaging.golden import Golden

__all__ = ["compare_answers"]


def compare_answers(bodies: Mapping[str, Sequence[Any]], golden: Golden, tolerance: float) -> list[ServingCheck]:
    """One check each for embeddings, probabilities and neighbours; a missing or malformed answer is no equal.

    Args:
        bodies: By route, the JSON answer to each golden image or None.
        golden: What the trainer says.
        tolerance: Largest difference of a value of an embedding or of a probability.
    """
    distances = {
        "embeddings": [_embedding_difference(*pair) for pair in zip(bodies["embed"], golden.embeddings, strict=True)],
        "probabilities": [
            _probability_difference(body, {name: values[row] for name, values in golden.probabilities.items()})
            for row, body in enumerate(bodies["classify"])
        ],
    }
    checks = [_check(name, found, tolerance, "largest difference of a value") for name, found in distances.items()]
    differing = [_differing_neighbours(body, golden, row, tolerance) for row, body in enumerate(bodies["search"])]
    checks.append(_check("neighbours", differing, 0.0, "most neighbours of an image that are not the trainer's"))
    return checks


def _check(name: str, found: Sequence[float], limit: float, meaning: str) -> ServingCheck:
    worst = max(found)
    missing = sum(math.isinf(value) for value in found)
    detail = f"{missing} of {len(found)} answers are missing or malformed" if missing else f"{meaning} is {worst:.3g}"
    return ServingCheck(
        name=name,
        is_passed=not missing and worst <= limit,
        value=-1.0 if missing else worst,  # JSON knows no infinity
        limit=limit,
        detail=f"{detail}, at most {limit:g} is allowed",
    )


def _embedding_difference(body: Any, expected: np.ndarray) -> float:
    try:
        found = np.asarray(body["embedding"], np.float64)
    except (TypeError, KeyError, ValueError):
        return math.inf
    return _largest_difference(found, expected)


def _probability_difference(body: Any, expected: Mapping[str, np.ndarray]) -> float:
    """Tasks are answered in full; of a head on weak labels the best outputs."""
    try:
        return max((_head_difference(body, name, values) for name, values in expected.items()), default=0.0)
    except (TypeError, KeyError, ValueError, IndexError):
        return math.inf


def _head_difference(body: Any, name: str, expected: np.ndarray) -> float:
    if name in body["tasks"]:
        found = np.asarray(list(body["tasks"][name].values()), np.float64)
        return _largest_difference(found, expected)
    labels = [label for label in body["annotations"] if label["task"] == name]
    found = np.asarray([label["probability"] for label in labels], np.float64)
    stated = expected[[label["output"] for label in labels]]
    best = np.sort(expected)[::-1][: len(found)]
    return max(_largest_difference(found, stated), _largest_difference(found, best)) if len(labels) else math.inf


def _largest_difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape or not np.isfinite(found).all():
        return math.inf
    return float(np.abs(found - expected).max(initial=0.0))


def _differing_neighbours(body: Any, golden: Golden, row: int, tolerance: float) -> float:
    """How many neighbours are not the trainer's.

    A value of the embedding within the tolerance of 0 may give either bit, so distances may differ by the
    number of such values, and items nearer to the k-th than that may take each other's place.
    """
    slack = int((np.abs(golden.embeddings[row]) <= tolerance).sum())
    expected = dict(zip(golden.keys[row].tolist(), golden.distances[row].tolist(), strict=True))
    try:
        found = {int(item["key"]): int(item["distance"]) for item in body["neighbours"]}
    except (TypeError, KeyError, ValueError):
        return math.inf
    if slack == 0:
        return float(len(found.items() ^ expected.items()))
    farthest = max(expected.values())
    wrong = len(found) != len(expected)
    wrong += sum(abs(found[key] - expected[key]) > slack for key in found.keys() & expected.keys())
    wrong += sum(distance < farthest - 2 * slack for key, distance in found.items() if key not in expected)
    wrong += sum(distance < farthest - 2 * slack for key, distance in expected.items() if key not in found)
    return float(wrong)
