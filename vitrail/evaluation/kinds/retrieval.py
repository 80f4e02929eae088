"""Retrieval on fixed queries and galleries: every metric of a ranking, for every direction and precision.

Queries without any match in the gallery are not counted.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vitrail.contracts.evaluation import NEIGHBOURS_SCHEMA, Baseline
from vitrail.evaluation.directions import WITHIN, Direction, Rows, find_directions, split_by_class, thin_queries
from vitrail.evaluation.inference import Vectors
from vitrail.evaluation.measures import Measures, TaskAnswers
from vitrail.evaluation.metrics import TaskResult, build_outcomes
from vitrail.evaluation.ranking import PRECISIONS, Ranking, expected_of_chance, rank_gallery
from vitrail.evaluation.units import Units, label_units
from vitrail.gates.outcomes import Outcomes

__all__ = ["MEASURES", "evaluate_retrieval"]


def evaluate_retrieval(
    *,
    task: str,
    labels: NDArray[np.str_],
    vectors: Vectors,
    units: Units,
    categories: Mapping[str, NDArray[np.str_]],
    ranks: Sequence[int],
    max_queries: int,
    num_pictured: int,
    num_neighbours: int,
    seed: int,
) -> TaskResult | None:
    """Measures one task; None when no query has a match.

    Args:
        task: Name of the task.
        labels: Of each unit; images with the same label match; empty where it has none.
        vectors: The units as the model sees them.
        units: The test split.
        categories: Labels of the classification tasks, for search within a category.
        ranks: Each k of the metrics at k.
        max_queries: Of a direction; more are sampled.
        num_pictured: Queries kept with their neighbours.
        num_neighbours: Neighbours kept of each.
        seed: Of the choice of queries.
    """
    directions = [
        thinned
        for direction in find_directions(units, labels)
        if len((thinned := thin_queries(direction, labels, max_queries=max_queries, seed=seed)).queries)
    ]
    if not directions:
        return None
    depth = max(*ranks, num_neighbours)
    rankings = {
        precision: [rank_gallery(direction, labels, vectors, precision, depth) for direction in directions]
        for precision in PRECISIONS
    }
    outcomes = [
        *(item for precision in PRECISIONS for item in _outcomes(task, precision, rankings[precision], ranks, units)),
        _ratio(task, "binary", rankings, units),
        _ratio(task, "asymmetric", rankings, units),
        *_within(task, directions, labels, vectors, units, categories, ranks),
    ]
    return TaskResult(
        outcomes=outcomes,
        headline=f"{task}/float/p_at_1",
        baselines=_baselines(task, rankings["float"], ranks),
        neighbours=_neighbours(task, rankings["float"], units, num_pictured, num_neighbours, seed),
    )


def _outcomes(
    task: str, precision: str, rankings: list[Ranking], ranks: Sequence[int], units: Units
) -> Iterator[Outcomes]:
    measured = [ranking.measure(ranks) for ranking in rankings]
    for name in measured[0]:
        stem, values = f"{task}/{precision}/{name}", [found[name] for found in measured]
        yield _over_directions(stem, rankings, values, units)
        if len(rankings) > 1:
            for ranking, own in zip(rankings, values, strict=True):
                yield build_outcomes(f"{stem}/{ranking.direction}", units, ranking.queries, own)


def _over_directions(name: str, rankings: list[Ranking], values: list[NDArray[np.float64]], units: Units) -> Outcomes:
    return build_outcomes(name, units, _queries(rankings), np.concatenate(values), strata=_direction_names(rankings))


def _ratio(task: str, precision: str, rankings: Mapping[str, list[Ranking]], units: Units) -> Outcomes:
    """The share of float P@1 that is kept."""
    float_hits, kept_hits = (
        np.concatenate([ranking.precision_at(1) for ranking in rankings[name]]) for name in ("float", precision)
    )
    return build_outcomes(
        f"{task}/{precision}_ratio",
        units,
        _queries(rankings["float"]),
        kept_hits,
        strata=_direction_names(rankings["float"]),
        references=float_hits,
        statistic="ratio",
    )


def _queries(rankings: list[Ranking]) -> Rows:
    return np.concatenate([ranking.queries for ranking in rankings])


def _direction_names(rankings: list[Ranking]) -> NDArray[np.str_]:
    return np.concatenate([np.full(len(ranking.queries), ranking.direction) for ranking in rankings])


def _within(
    task: str,
    directions: list[Direction],
    labels: NDArray[np.str_],
    vectors: Vectors,
    units: Units,
    categories: Mapping[str, NDArray[np.str_]],
    ranks: Sequence[int],
) -> Iterator[Outcomes]:
    """Every metric when only the gallery images of the query's own class are searched, per classification task."""
    for category_task, classes in categories.items():
        parts = [part for direction in directions for part in split_by_class(direction, classes)]
        for precision in PRECISIONS:
            rankings = [rank_gallery(part, labels, vectors, precision, max(ranks)) for part in parts]
            rankings = [ranking for ranking in rankings if len(ranking.queries)]
            measured = [ranking.measure(ranks) for ranking in rankings]
            for metric in measured[0] if measured else ():
                name = f"{task}/{precision}/{metric}/{WITHIN}/{category_task}"
                yield _over_directions(name, rankings, [found[metric] for found in measured], units)


def _baselines(task: str, rankings: list[Ranking], ranks: Sequence[int]) -> list[Baseline]:
    """Expected values of a random order of the gallery."""
    expected = [expected_of_chance(ranking, ranks) for ranking in rankings]
    return [
        Baseline(metric=f"{task}/{precision}/{name}", kind="chance", value=float(np.mean([e[name] for e in expected])))
        for precision in PRECISIONS
        for name in expected[0]
    ]


def _neighbours(
    task: str, rankings: list[Ranking], units: Units, num_queries: int, num_neighbours: int, seed: int
) -> pa.Table:
    """Randomly drawn queries with their nearest neighbours; never chosen by result."""
    generator = np.random.default_rng(seed)
    shares = np.full(len(rankings), num_queries // len(rankings))
    shares[: num_queries % len(rankings)] += 1
    rows: list[dict[str, object]] = []
    for ranking, share in zip(rankings, shares.tolist(), strict=True):
        drawn = generator.choice(len(ranking.queries), size=min(share, len(ranking.queries)), replace=False)
        for query in np.sort(drawn).tolist():
            rows.extend(_pictured(task, ranking, query, units, num_neighbours))
    return pa.Table.from_pylist(rows, NEIGHBOURS_SCHEMA)


def _pictured(
    task: str, ranking: Ranking, query: int, units: Units, num_neighbours: int
) -> Iterator[dict[str, object]]:
    for rank in range(min(num_neighbours, ranking.neighbours.shape[1])):
        yield {
            "task": task,
            "direction": ranking.direction,
            "query_id": str(units.image_ids[ranking.queries[query]]),
            "rank": rank + 1,
            "image_id": str(units.image_ids[ranking.neighbours[query, rank]]),
            "similarity": float(ranking.scores[query, rank]),
            "is_match": bool(ranking.matches[query, rank]),
        }


def _evaluate(found: TaskAnswers) -> TaskResult | None:
    if found.answers.vectors is None:
        return None
    return evaluate_retrieval(
        task=found.task.name,
        labels=label_units(found.corpus, found.task.name, found.units),
        vectors=found.answers.vectors,
        units=found.units,
        categories=found.categories,
        ranks=found.config.ranks,
        max_queries=found.config.max_queries,
        num_pictured=found.config.num_pictured_queries,
        num_neighbours=found.config.num_pictured_neighbours,
        seed=found.config.seed,
    )


MEASURES = Measures(evaluate=_evaluate)
